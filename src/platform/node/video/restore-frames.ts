/** The frames of a video through the model, into parts on disk. */

import type { FaceTrack } from '../../../face/face-track.ts';
import { type BytePixels, toBytePixels } from '../../../image/pixels.ts';
import { restorePhoto } from '../../../restore/photo/restore-photo.ts';
import { untilAborted } from '../../../runtime/until-aborted.ts';
import type { VideoJournal } from './video-journal.ts';
import type { VideoInfo } from './video-probe.ts';
import { readFrames, type VideoFrame } from './video-reader.ts';
import type { VideoRequest } from './video-request.ts';
import { openPart, type PartWriter } from './video-writer.ts';

const defaultPartMs = 60_000;
/** Whatever the time: short parts take more room, long ones cannot be undone. */
const partFrames = { min: 12, max: 240 };

/** Goes on behind the parts that are there. */
export async function restoreFrames(
  request: VideoRequest,
  info: VideoInfo,
  encoder: readonly string[],
  journal: VideoJournal,
  tracks: readonly FaceTrack[],
  onFault: (line: string) => void,
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
  const write = async ({ index, timeUs }: VideoFrame, restored: BytePixels): Promise<void> => {
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
  };
  /** When the frame before is written: meanwhile networks work on the next one. */
  let written: Promise<void> = Promise.resolve();
  try {
    for await (const frame of readFrames(input, info, { signal: options.signal, firstFrame, onFault })) {
      // Read into the same memory again before it is restored.
      const pixels = { ...frame.pixels, data: new Uint8Array(frame.pixels.data) };
      const restoring = untilAborted(restoreFrame(pixels, frame.index, tracks, request), options.signal);
      const before = written;
      written = Promise.all([restoring, before]).then(([restored]) => write(frame, restored));
      written.catch(() => {}); // told when it is waited for
      await before;
    }
    await written;
    await close();
  } catch (error) {
    await written.catch(() => {});
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
