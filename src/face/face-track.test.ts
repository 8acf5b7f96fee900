import { describe, expect, it } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import type { DetectedFace } from './face-detector.ts';
import { boxOverlap, trackFaces } from './face-track.ts';

/** A face whose landmarks follow from the centre of its box. */
function faceAt(x: number, y: number, size = 100, jitter: () => number = () => 0): DetectedFace {
  const point = (dx: number, dy: number) => [x + dx * size + jitter(), y + dy * size + jitter()] as const;
  return {
    box: { x: x - size / 2 + jitter(), y: y - size / 2 + jitter(), width: size, height: size },
    score: 0.9,
    landmarks: [point(-0.2, -0.1), point(0.2, -0.1), point(0, 0.1), point(-0.15, 0.3), point(0.15, 0.3)],
    outline: [point(-0.5, 0), point(0, 0.5), point(0.5, 0)],
  };
}

function normal(seed: number): () => number {
  const stream = new RandomStream(seed);
  return () => stream.fillNormal(new Float32Array(1))[0]!;
}

describe('trackFaces', () => {
  it('takes the jitter out of a moving face without lagging behind', () => {
    const jitter = normal(3);
    const truth = Array.from({ length: 200 }, (_, t) => faceAt(100 + 4 * t, 200 + 2 * t));
    const noisy = truth.map((_, t) => [faceAt(100 + 4 * t, 200 + 2 * t, 100, jitter)]);
    const [track, ...others] = trackFaces(noisy);
    expect(others).toEqual([]);
    expect(track).toMatchObject({ id: 0, firstFrame: 0, detections: 200 });
    const errors = track!.faces.flatMap((face, t) =>
      face.landmarks.map(([x], i) => x - truth[t]!.landmarks[i]![0]),
    );
    const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    const bias = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    // A Gaussian of deviation 2 leaves 1/√(4√π) = 0.38 of white noise, the ends of the track a little more.
    expect(rms).toBeLessThan(0.45);
    // A filter that looked back only would lag by about 2 frames: 8 pixels.
    expect(Math.abs(bias)).toBeLessThan(0.05);
    // Frame to frame the face moves by 4 pixels; the noise of that difference shrinks most.
    const steps = track!.faces
      .slice(1)
      .map((face, t) => face.landmarks[0]![0] - track!.faces[t]!.landmarks[0]![0]);
    const wobble = Math.sqrt(steps.reduce((sum, step) => sum + (step - 4) ** 2, 0) / steps.length);
    // √2 before; a Gaussian of deviation 2 leaves 1/(2 π^¼ 2^1.5) = 0.13, the ends a little more.
    expect(wobble).toBeLessThan(0.2);
  });

  it('leaves constant motion exactly as it is', () => {
    const frames = Array.from({ length: 30 }, (_, t) => [faceAt(3 * t, 5 * t)]);
    const [track] = trackFaces(frames);
    for (const [t, face] of track!.faces.entries()) {
      expect(face.landmarks[2]![0]).toBeCloseTo(3 * t, 9);
      expect(face.outline![1]![1]).toBeCloseTo(5 * t + 50, 9);
      expect(face.box.y).toBeCloseTo(5 * t - 50, 9);
    }
  });

  it('keeps two faces apart that come near each other', () => {
    const frames = Array.from({ length: 60 }, (_, t) => {
      const pair = [faceAt(100 + 5 * t, 100), faceAt(400 - 5 * t, 175)];
      return t % 2 === 0 ? pair : pair.toReversed();
    });
    const tracks = trackFaces(frames);
    expect(tracks).toHaveLength(2);
    for (const { faces, detections } of tracks) {
      expect(detections).toBe(60);
      const heights = faces.map(({ box }) => box.y);
      expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(1e-6);
    }
  });

  it('fills short gaps, ends at long ones, and drops what was seen hardly ever', () => {
    const frames = Array.from({ length: 60 }, (_, t) => {
      if (t === 10) return [faceAt(100 + t, 100), faceAt(500, 500)];
      return (t > 20 && t < 25) || (t > 40 && t < 55) ? [] : [faceAt(100 + t, 100)];
    });
    const tracks = trackFaces(frames);
    expect(tracks.map(({ firstFrame, faces, detections }) => [firstFrame, faces.length, detections])).toEqual(
      [
        [0, 41, 37],
        [55, 5, 5],
      ],
    );
    expect(tracks[0]!.faces[22]!.landmarks[2]![0]).toBeCloseTo(122, 6);
  });

  it('fills in the frames that were not searched', () => {
    const all = Array.from({ length: 31 }, (_, t) => (t >= 4 && t < 20 ? [faceAt(10 * t, 100)] : []));
    const frames = all.map((faces, t) => (t % 3 === 0 ? faces : []));
    const [track, ...others] = trackFaces(frames, { stride: 3 });
    expect(others).toEqual([]);
    // Found in frames 6, 9 … 18; it may have been there two frames before and after.
    expect([track!.firstFrame, track!.faces.length, track!.detections]).toEqual([4, 17, 5]);
    for (const [i, face] of track!.faces.entries()) expect(face.box.x).toBeCloseTo(10 * (4 + i) - 50, 6);
    const cuts = new Set([5, 19]);
    expect(trackFaces(frames, { stride: 3, cuts })).toMatchObject([{ firstFrame: 5, detections: 5 }]);
    expect(trackFaces(frames, { stride: 3, cuts })[0]!.faces).toHaveLength(14);
  });

  it('starts again at a cut, and keeps faces of a video of one frame', () => {
    const frames = Array.from({ length: 10 }, () => [faceAt(100, 100)]);
    expect(trackFaces(frames, { cuts: new Set([5]) }).map(({ firstFrame }) => firstFrame)).toEqual([0, 5]);
    expect(trackFaces([[faceAt(1, 2)]])).toMatchObject([{ faces: [faceAt(1, 2)] }]);
    expect(trackFaces([])).toEqual([]);
  });
});

it('measures overlap', () => {
  const box = { x: 0, y: 0, width: 10, height: 10 };
  expect(boxOverlap(box, box)).toBe(1);
  expect(boxOverlap(box, { ...box, x: 5 })).toBeCloseTo(1 / 3, 12);
  expect(boxOverlap(box, { ...box, x: 10 })).toBe(0);
});
