/** Restores the faces of a video: found in all frames first, then restored frame by frame, track by track. */

import path from 'node:path';
import { alignFace, cutFace } from '../../../face/face-crop.ts';
import type { DetectedFace, FaceDetector } from '../../../face/face-detector.ts';
import type { FaceParser } from '../../../face/face-parser.ts';
import { type FaceTrack, trackFaces } from '../../../face/face-track.ts';
import { faceSharpness, sharpFrom } from '../../../face/sharpness.ts';
import { type BytePixels, toBytePixels } from '../../../image/pixels.ts';
import type { PhotoOptions } from '../../../restore/photo/photo-options.ts';
import { restorePhoto } from '../../../restore/photo/restore-photo.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import { type FoundFace, VideoJournal, type VideoKeys } from './video-journal.ts';
import { probeVideo, type VideoInfo } from './video-probe.ts';
import { readFrames } from './video-reader.ts';
import { chooseEncoder, joinParts, openPart, type PartWriter, type VideoFormat } from './video-writer.ts';

export interface VideoOptions
  extends Omit<PhotoOptions, 'upscale' | 'background' | 'parser' | 'paint' | 'describer' | 'onProgress'> {
  /** Longer side of the smallest face to look for, in pixels; a twelfth of the shorter side of the pictures unless given. */
  readonly minSize?: number;
  readonly minScore?: number;
  /** Frames over which landmarks are smoothed, see `trackFaces`. */
  readonly smoothing?: number;
}

export interface VideoProgress {
  readonly phase: 'find' | 'restore' | 'join';
  readonly frame: number;
  /** of the video; an estimate while faces are looked for */
  readonly frames: number;
}

export interface VideoTools {
  detector(): Promise<FaceDetector>;
  restorer(): Promise<Restorer>;
  /** see `PhotoOptions` */
  parser?(): Promise<FaceParser | undefined>;
}

export interface VideoRequest {
  readonly input: string;
  readonly output: string;
  readonly format: VideoFormat;
  /** tell apart runs that may not go on from each other's parts */
  readonly keys: VideoKeys;
  readonly options: VideoOptions;
  readonly tools: VideoTools;
  readonly onProgress?: (progress: VideoProgress) => void;
  /** Told when the result is there; only then the parts go. */
  readonly onResult?: (report: VideoReport) => Promise<void>;
  /** A part is closed after this long, so that a stopped run loses no more; a minute unless given. */
  readonly partMs?: number;
}

/** One face of a video. */
export interface TrackReport {
  readonly track: number;
  readonly firstFrame: number;
  readonly frames: number;
  /** mean over the track, in pixels */
  readonly size: number;
  /** 'sharp': left alone */
  readonly status: 'restored' | 'sharp';
}

export interface VideoReport {
  readonly frames: number;
  readonly tracks: readonly TrackReport[];
  /** frames that an earlier run had restored */
  readonly resumedFrames: number;
  readonly notes: readonly string[];
}

const defaultPartMs = 60_000;
/** Whatever the time: short parts take more room, long ones cannot be undone. */
const partFrames = { min: 12, max: 240 };
/** Mean difference of two frames' thumbnails, of 255, from which on they show different scenes. */
const cutFrom = 40;
const thumbnailSide = 16;

/**
 * Restores a video. What is done is kept in `<output>.parts` until the result is there.
 * @throws {Error} if the video cannot be read or written, or shows no face; the signal's reason
 */
export async function restoreVideo(request: VideoRequest): Promise<VideoReport> {
  const { input, output, format, keys, options } = request;
  const { signal } = options;
  const info = await probeVideo(input, signal);
  const encoder = await chooseEncoder(format, signal);
  const journal = await VideoJournal.open(`${output}.parts`, keys);
  if (!journal.searchDone) await findFaces(request, info, journal);
  const { searched } = journal;
  const frames = searched.length;
  const cuts = new Set(searched.flatMap(({ frame, cut }) => (cut ? [frame] : [])));
  const tracks = trackFaces(
    searched.map(({ faces }) => faces),
    { cuts, smoothing: options.smoothing, stride: searchStride(info) },
  );
  if (tracks.length === 0)
    throw new Error(
      `Cannot restore ${input}: no face was found in its ${frames} frames. Take a smaller --min-size or --min-score`,
    );
  const chosen = tracks.map((track) => ({ track, sharp: !options.force && isSharp(track, journal) }));
  const resumedFrames = journal.parts.reduce((sum, part) => sum + part.frames, 0);
  const restored = chosen.filter(({ sharp }) => !sharp).map(({ track }) => track);
  await restoreFrames(request, info, encoder, journal, restored);

  request.onProgress?.({ phase: 'join', frame: frames, frames });
  const frameUs = (1e6 * info.frameRate.denominator) / info.frameRate.numerator;
  const notes = await joinParts(
    input,
    journal.parts.map(({ name, startUs }) => ({ file: path.join(journal.folder, name), startUs })),
    {
      folder: journal.folder,
      endUs: (searched.at(-1)?.timeUs ?? 0) + frameUs,
      result: output,
      format,
      info,
      signal,
    },
  );
  const report: VideoReport = {
    frames,
    tracks: chosen.map(({ track, sharp }) => reportTrack(track, sharp)),
    resumedFrames,
    notes: [...info.notes, ...notes],
  };
  await request.onResult?.(report);
  await journal.remove();
  return report;
}

function reportTrack({ id, firstFrame, faces }: FaceTrack, sharp: boolean): TrackReport {
  const size = faces.reduce((sum, { box }) => sum + Math.max(box.width, box.height), 0) / faces.length;
  const status = sharp ? 'sharp' : 'restored';
  return { track: id, firstFrame, frames: faces.length, size: Math.round(size), status };
}

/** Whether a face is sharp in most of its frames: decided once, so that it does not come and go. */
function isSharp(track: FaceTrack, { searched }: VideoJournal): boolean {
  const values = track.faces.flatMap(({ landmarks }, i) => {
    const found = searched[track.firstFrame + i]?.faces ?? [];
    const nearest = found.toSorted((a, b) => distance(a, landmarks) - distance(b, landmarks))[0];
    return nearest ? [nearest.sharpness] : [];
  });
  values.sort((a, b) => a - b);
  return (values[Math.floor(values.length / 2)] ?? 0) >= sharpFrom;
}

function distance(face: DetectedFace, landmarks: DetectedFace['landmarks']): number {
  return Math.hypot(...[0, 1].map((axis) => face.landmarks[2]![axis]! - landmarks[2]![axis]!));
}

const searchesPerSecond = 10;

/** Faces are looked for in every so many frames; between them they move nearly straight. */
function searchStride({ frameRate }: VideoInfo): number {
  return Math.max(Math.round(frameRate.numerator / frameRate.denominator / searchesPerSecond), 1);
}

async function findFaces(request: VideoRequest, info: VideoInfo, journal: VideoJournal): Promise<void> {
  const { input, tools, options, onProgress } = request;
  const { signal, minScore, minSize = Math.min(info.width, info.height) / 12 } = options;
  const detector = await tools.detector();
  const stride = searchStride(info);
  const done = journal.searched.length;
  const estimate = Math.round(
    ((info.durationSeconds ?? 0) * info.frameRate.numerator) / info.frameRate.denominator,
  );
  // The frame before the first new one tells whether a new scene begins with it.
  const firstFrame = Math.max(done - 1, 0);
  let before: Float32Array | undefined;
  for await (const { index, timeUs, pixels } of readFrames(input, info, { signal, firstFrame })) {
    const shown = thumbnail(pixels);
    if (index >= done) {
      const cut = before !== undefined && meanDifference(before, shown) > cutFrom;
      const faces: FoundFace[] = [];
      if (cut || index % stride === 0)
        for (const face of await detector.detect(pixels, { minSize, minScore, signal }))
          faces.push({ ...face, sharpness: sharpnessOf(pixels, face) });
      await journal.addSearched({ frame: index, timeUs, cut, faces });
      onProgress?.({ phase: 'find', frame: index + 1, frames: Math.max(estimate, index + 1) });
    }
    before = shown;
  }
  if (journal.searched.length === 0) throw new Error(`Cannot restore ${input}: it has no frames`);
  await journal.endSearch();
}

const sharpnessSize = 512;

function sharpnessOf(pixels: BytePixels, { landmarks }: DetectedFace): number {
  return faceSharpness(cutFace(pixels, alignFace(landmarks, sharpnessSize), sharpnessSize));
}

async function restoreFrames(
  request: VideoRequest,
  info: VideoInfo,
  encoder: readonly string[],
  journal: VideoJournal,
  tracks: readonly FaceTrack[],
): Promise<void> {
  const { input, onProgress, options, partMs = defaultPartMs } = request;
  const frames = journal.searched.length;
  const last = journal.parts.at(-1);
  const firstFrame = last ? last.firstFrame + last.frames : 0;
  if (firstFrame >= frames) return;
  let part: OpenPart | undefined;
  const close = async (): Promise<void> => {
    if (!part) return;
    await part.writer.finish();
    await journal.addPart({ firstFrame: part.firstFrame, frames: part.frames, startUs: part.startUs });
    part = undefined;
  };
  try {
    for await (const { index, timeUs, pixels } of readFrames(input, info, {
      signal: options.signal,
      firstFrame,
    })) {
      const restored = await restoreFrame(pixels, index, tracks, request);
      part ??= {
        writer: await openPart(journal.nextPartFile(), info, encoder),
        firstFrame: index,
        frames: 0,
        startUs: timeUs,
        openedMs: performance.now(),
      };
      await part.writer.write(restored, timeUs - part.startUs);
      part.frames++;
      onProgress?.({ phase: 'restore', frame: index + 1, frames });
      const old = performance.now() - part.openedMs > partMs;
      if (part.frames >= partFrames.max || (part.frames >= partFrames.min && old)) await close();
    }
    await close();
  } catch (error) {
    await part?.writer.discard();
    throw error;
  }
}

interface OpenPart {
  readonly writer: PartWriter;
  readonly firstFrame: number;
  readonly startUs: number;
  readonly openedMs: number;
  frames: number;
}

/** Each face by itself: its noise is that of its track, whatever other faces there are. */
async function restoreFrame(
  pixels: BytePixels,
  frame: number,
  tracks: readonly FaceTrack[],
  { tools, options }: VideoRequest,
): Promise<BytePixels> {
  let result = pixels;
  for (const { id, firstFrame, faces } of tracks) {
    const face = faces[frame - firstFrame];
    if (!face) continue;
    const seed = (options.seed ?? 0) + id;
    const photo = await restorePhoto(result, [face], await tools.restorer(), {
      ...options,
      seed,
      parser: await tools.parser?.(),
      force: true,
    });
    result = toBytePixels(photo.pixels);
  }
  return result;
}

/** Mean light of 16 × 16 fields. */
function thumbnail({ width, height, data }: BytePixels): Float32Array {
  const sums = new Float32Array(thumbnailSide * thumbnailSide);
  const counts = new Float32Array(sums.length);
  // Every fourth pixel of every fourth row is enough.
  for (let y = 0; y < height; y += 4)
    for (let x = 0; x < width; x += 4) {
      const field =
        Math.floor((y * thumbnailSide) / height) * thumbnailSide + Math.floor((x * thumbnailSide) / width);
      const at = 3 * (y * width + x);
      sums[field]! += 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
      counts[field]! += 1;
    }
  return sums.map((sum, i) => sum / Math.max(counts[i]!, 1));
}

function meanDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}
