/** Restores the faces of a video: found in all frames first, then restored frame by frame, track by track. */

import { copyFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { alignFace, cutFace } from '../../../face/face-crop.ts';
import type { DetectedFace } from '../../../face/face-detector.ts';
import { type FaceTrack, trackFaces } from '../../../face/face-track.ts';
import { faceSharpness, sharpFrom } from '../../../face/sharpness.ts';
import type { BytePixels } from '../../../image/pixels.ts';
import { untilAborted } from '../../../runtime/until-aborted.ts';
import { explainSystemError } from '../files/system-error.ts';
import { joinParts } from './join-video.ts';
import { restoreFrames } from './restore-frames.ts';
import { type FoundFace, VideoJournal } from './video-journal.ts';
import { probeVideo, type VideoInfo } from './video-probe.ts';
import { readFrames } from './video-reader.ts';
import type { TrackReport, VideoReport, VideoRequest } from './video-request.ts';
import { chooseEncoder, describeOddSize } from './video-writer.ts';

/** Mean difference of two frames' thumbnails, of 255, from which on they show different scenes. */
const cutFrom = 40;
const thumbnailSide = 16;

/**
 * Restores a video. What is done is kept in `<output>.parts` until the result is there.
 * @throws {Error} if the video cannot be read or written; the signal's reason
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
  const chosen = tracks.map((track) => ({ track, sharp: !options.force && isSharp(track, journal) }));
  const resumedFrames = journal.parts.reduce((sum, part) => sum + part.frames, 0);
  const restored = chosen.filter(({ sharp }) => !sharp).map(({ track }) => track);
  const faults: string[] = [];
  const notes = [...info.notes, ...describeCut(info, searched.length)];
  if (tracks.length === 0) notes.push('no face found');
  if (restored.length === 0 && sameKind(input, output)) {
    // As with photos: what nothing is done to stays as it is.
    await copyWhole(input, output);
    notes.splice(0, info.notes.length);
  } else {
    await restoreFrames(request, info, encoder, journal, restored, (line) => faults.push(line));
    notes.push(...describeOddSize(info, encoder), ...(await join(request, info, journal)));
  }
  if (faults.length > 0 && frames === (info.statedFrames ?? frames))
    notes.push(`damaged: FFmpeg found ${faults.length} faults, such as ${faults[0]}`);
  const report: VideoReport = {
    frames,
    tracks: chosen.map(({ track, sharp }) => reportTrack(track, sharp)),
    resumedFrames,
    unchanged: restored.length === 0,
    notes,
  };
  await request.onResult?.(report);
  await journal.remove();
  return report;
}

/** A file that was cut off still says how many frames it had. */
function describeCut(
  { statedFrames = 0, durationSeconds, frameRate, statesOwnDuration }: VideoInfo,
  frames: number,
): string[] {
  const rate = frameRate.numerator / frameRate.denominator;
  const stated = statedFrames || (statesOwnDuration ? Math.round((durationSeconds ?? 0) * rate) : 0);
  // Durations are rounded, and rates vary.
  const slack = statedFrames > 0 ? 0 : Math.max(2, Math.round(stated / 20));
  return frames + slack < stated
    ? [`cut short or damaged: ${frames} of its ${stated} frames could be read, and are restored`]
    : [];
}

function sameKind(input: string, output: string): boolean {
  return path.extname(input).toLowerCase() === path.extname(output).toLowerCase();
}

async function copyWhole(input: string, output: string): Promise<void> {
  const unfinished = `${output}.unfinished`;
  try {
    await copyFile(input, unfinished);
    await rename(unfinished, output);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new Error(`Cannot write ${output}: ${explainSystemError(error)}`, { cause: error });
  }
}

async function join(
  { input, output, format, options: { signal }, onProgress }: VideoRequest,
  info: VideoInfo,
  journal: VideoJournal,
): Promise<readonly string[]> {
  const { searched } = journal;
  const frames = searched.length;
  onProgress?.({ phase: 'join', frame: frames, frames });
  const frameUs = (1e6 * info.frameRate.denominator) / info.frameRate.numerator;
  return joinParts(
    input,
    journal.parts.map(({ name, startUs }) => ({ file: path.join(journal.folder, name), startUs })),
    {
      folder: journal.folder,
      frames,
      endUs: (searched.at(-1)?.timeUs ?? 0) + frameUs,
      result: output,
      format,
      info,
      signal,
    },
  );
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
      if (cut || index % stride === 0) {
        const detecting = detector.detect(pixels, { minSize, minScore, signal });
        for (const face of await untilAborted(detecting, signal))
          faces.push({ ...face, sharpness: sharpnessOf(pixels, face) });
      }
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
