/** One face through the frames of a video: found again from frame to frame, its landmarks freed of jitter. */

import type { Point } from '../image/geometry.ts';
import type { DetectedFace, FaceBox } from './face-detector.ts';

/** A face from the first frame that shows it to the last. */
export interface FaceTrack {
  /** 0, 1, 2 … by first frame */
  readonly id: number;
  readonly firstFrame: number;
  /** one for each frame from `firstFrame` on, smoothed; where detection failed for a while, filled in */
  readonly faces: readonly DetectedFace[];
  /** how many of them were detected */
  readonly detections: number;
}

interface TrackOptions {
  /** Least intersection over union of a face's box with where the track is expected; 0.3 unless given. */
  readonly minOverlap?: number;
  /** A face that is not found for more frames than this is gone; 8 unless given, twice the stride at least. */
  readonly maxGap?: number;
  /** A face found in fewer frames is taken for an error, unless the video is as short; 3 unless given. */
  readonly minDetections?: number;
  /** Standard deviation of the smoothing in frames, 0 for none; 2 unless given. */
  readonly smoothing?: number;
  /**
   * Faces were looked for in every so many frames only; 1 unless given. A face is taken to be there for up to so many
   * frames before it is first found and after it is last found.
   */
  readonly stride?: number;
  /** Frames that begin a new scene: no face goes on into them. */
  readonly cuts?: ReadonlySet<number>;
}

/**
 * Follows faces through a video. Smoothing looks both ways in time, so landmarks do not lag behind a moving face.
 * @param frames the faces found in each frame
 */
export function trackFaces(
  frames: readonly (readonly DetectedFace[])[],
  options: TrackOptions = {},
): FaceTrack[] {
  const { minDetections = 3, smoothing = 2, stride = 1, cuts = new Set() } = options;
  const needed = Math.min(minDetections, Math.ceil(frames.length / stride));
  return associate(frames, options)
    .filter(({ seen }) => seen.length >= needed)
    .map(({ seen }, id) => {
      const from = seen[0]!.frame;
      const found = fillGaps(seen);
      const faces = smooth(found, smoothing);
      let before = 0;
      while (before < stride - 1 && from - before > 0 && !cuts.has(from - before)) before++;
      let after = 0;
      while (after < stride - 1 && isSameScene(from + faces.length + after, frames.length, cuts)) after++;
      return {
        id,
        firstFrame: from - before,
        faces: [
          ...Array.from({ length: before }, (_, i) => extrapolate(faces, i - before)),
          ...faces,
          ...Array.from({ length: after }, (_, i) => extrapolate(faces, faces.length + i)),
        ],
        detections: seen.length,
      };
    });
}

function isSameScene(frame: number, frames: number, cuts: ReadonlySet<number>): boolean {
  return frame < frames && !cuts.has(frame);
}

/** Where a face is at `index` of its path, beyond one of the ends, if it moves on as it did. */
function extrapolate(faces: readonly DetectedFace[], index: number): DetectedFace {
  const [end, inner] = index < 0 ? [0, 1] : [faces.length - 1, faces.length - 2];
  const [last, before] = [faces[end]!, faces[inner]];
  if (!before) return last;
  const ahead = Math.abs(index - end);
  return mix([
    { face: last, weight: 1 + ahead },
    { face: before, weight: -ahead },
  ]);
}

interface Sighting {
  readonly frame: number;
  readonly face: DetectedFace;
}

interface Path {
  readonly seen: Sighting[];
}

/** Each frame's faces to the paths that expect them there, the best fits first. */
function associate(
  frames: readonly (readonly DetectedFace[])[],
  { minOverlap = 0.3, stride = 1, maxGap = Math.max(8, 2 * stride), cuts = new Set() }: TrackOptions,
): Path[] {
  const all: Path[] = [];
  let active: Path[] = [];
  for (const [frame, faces] of frames.entries()) {
    active = cuts.has(frame) ? [] : active.filter(({ seen }) => frame - seen.at(-1)!.frame <= maxGap + 1);
    const pairs = active.flatMap((path) => {
      const expected = expectedBox(path, frame);
      return faces.map((face) => ({ path, face, overlap: boxOverlap(expected, face.box) }));
    });
    pairs.sort((a, b) => b.overlap - a.overlap);
    const taken = new Set<unknown>();
    for (const { path, face, overlap } of pairs) {
      if (overlap < minOverlap || taken.has(path) || taken.has(face)) continue;
      taken.add(path).add(face);
      path.seen.push({ frame, face });
    }
    for (const face of faces) {
      if (taken.has(face)) continue;
      const path: Path = { seen: [{ frame, face }] };
      all.push(path);
      active.push(path);
    }
  }
  return all;
}

/** Where a face will be if it moves on as between its last two sightings. */
function expectedBox({ seen }: Path, frame: number): FaceBox {
  const last = seen.at(-1)!;
  const before = seen.at(-2);
  if (!before) return last.face.box;
  const ahead = (frame - last.frame) / (last.frame - before.frame);
  const { box } = last.face;
  return {
    ...box,
    x: box.x + ahead * (box.x - before.face.box.x),
    y: box.y + ahead * (box.y - before.face.box.y),
  };
}

/** Intersection over union. */
export function boxOverlap(a: FaceBox, b: FaceBox): number {
  const shared = (from: number, size: number, otherFrom: number, otherSize: number): number =>
    Math.max(Math.min(from + size, otherFrom + otherSize) - Math.max(from, otherFrom), 0);
  const intersection = shared(a.x, a.width, b.x, b.width) * shared(a.y, a.height, b.y, b.height);
  const union = a.width * a.height + b.width * b.height - intersection;
  return union > 0 ? intersection / union : 0;
}

/** One face a frame; those that were not found lie between their neighbours. */
function fillGaps(seen: readonly Sighting[]): DetectedFace[] {
  const faces: DetectedFace[] = [];
  for (const [i, { frame, face }] of seen.entries()) {
    const previous = seen[i - 1];
    for (let missing = previous ? previous.frame + 1 : frame; missing < frame; missing++) {
      const share = (missing - previous!.frame) / (frame - previous!.frame);
      faces.push(
        mix([
          { face: previous!.face, weight: 1 - share },
          { face, weight: share },
        ]),
      );
    }
    faces.push(face);
  }
  return faces;
}

/** Local linear regression with Gaussian weights: what moves at a constant speed stays where it is. */
function smooth(faces: readonly DetectedFace[], deviation: number): DetectedFace[] {
  if (deviation === 0) return [...faces];
  const reach = Math.ceil(3 * deviation);
  return faces.map((_, frame) => {
    const from = Math.max(frame - reach, 0);
    const near = faces.slice(from, frame + reach + 1).map((face, i) => {
      const away = from + i - frame;
      return { face, away, weight: Math.exp(-(away * away) / (2 * deviation * deviation)) };
    });
    const moment = (power: number): number =>
      near.reduce((sum, { weight, away }) => sum + weight * away ** power, 0);
    const [m0, m1, m2] = [moment(0), moment(1), moment(2)];
    const determinant = m0 * m2 - m1 * m1;
    // A single frame has no speed.
    if (determinant < 1e-9) return faces[frame]!;
    return mix(
      near.map(({ face, away, weight }) => ({ face, weight: (weight * (m2 - m1 * away)) / determinant })),
    );
  });
}

/** The weighted sum of faces; the weights add up to 1. */
function mix(parts: readonly { readonly face: DetectedFace; readonly weight: number }[]): DetectedFace {
  const sum = (value: (face: DetectedFace) => number): number =>
    parts.reduce((total, { face, weight }) => total + weight * value(face), 0);
  const points = (all: (face: DetectedFace) => readonly Point[]): Point[] =>
    all(parts[0]!.face).map((_, i) => [sum((face) => all(face)[i]![0]), sum((face) => all(face)[i]![1])]);
  const box = {
    x: sum((face) => face.box.x),
    y: sum((face) => face.box.y),
    width: sum((face) => face.box.width),
    height: sum((face) => face.box.height),
  };
  const count = parts[0]!.face.outline?.length;
  const outlined = count !== undefined && parts.every(({ face }) => face.outline?.length === count);
  return {
    box,
    score: sum((face) => face.score),
    landmarks: points((face) => face.landmarks),
    ...(outlined && { outline: points((face) => face.outline!) }),
  };
}
