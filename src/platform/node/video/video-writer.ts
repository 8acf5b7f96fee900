/** Frames to parts of a video, and parts to the whole with the sound of the original. */

import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BytePixels } from '../../../image/pixels.ts';
import { fileArgument, localOnly, runFfmpeg, startFfmpeg } from './ffmpeg.ts';
import { matroskaFrameHeader, matroskaHeader } from './matroska-frames.ts';
import type { VideoInfo } from './video-probe.ts';

/** A video that can be written. */
export type VideoFormat = 'mp4' | 'mov' | 'mkv' | 'webm';

export const videoExtensions: Readonly<Record<string, VideoFormat>> = {
  '.mp4': 'mp4',
  '.m4v': 'mp4',
  '.mov': 'mov',
  '.mkv': 'mkv',
  '.webm': 'webm',
};

/** Encoders from the best to the last resort, as arguments; nearly without visible loss. */
const h264 = [
  ['libx264', '-crf', '16', '-preset', 'medium'],
  ['libopenh264', '-b:v', '12M'],
  ['mpeg4', '-q:v', '2'],
];
const vp9 = [
  ['libvpx-vp9', '-crf', '20', '-b:v', '0', '-row-mt', '1'],
  ['libvpx', '-crf', '8', '-b:v', '12M'],
];

/** @throws {Error} if the FFmpeg that is there can write no such video */
export async function chooseEncoder(format: VideoFormat, signal?: AbortSignal): Promise<readonly string[]> {
  const known = await runFfmpeg('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-encoders'], signal);
  const choices = format === 'webm' ? vp9 : h264;
  const encoder = choices.find(([name]) => new RegExp(`^ V\\S* ${name} `, 'm').test(known));
  if (encoder) return encoder;
  const names = choices.map(([name]) => name).join(', ');
  throw new Error(`Cannot write ${format}: this FFmpeg has none of ${names}. Install a full build of FFmpeg`);
}

/** A part of a video under way. */
export interface PartWriter {
  /** @param timeUs since the part's first frame, in microseconds */
  write(pixels: BytePixels, timeUs: number): Promise<void>;
  /** Ends the part and gives it its name. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/** Begins a part; it has its name only once it is whole. */
export async function openPart(
  file: string,
  info: VideoInfo,
  encoder: readonly string[],
): Promise<PartWriter> {
  const unfinished = `${file}.unfinished`;
  const { timeBase, pixelAspect, colorMatrix } = info;
  const child = startFfmpeg('ffmpeg', [
    ...['-y', '-nostats', '-loglevel', 'error', ...localOnly, '-f', 'matroska', '-i', 'pipe:0'],
    ...['-map', '0:v', '-fps_mode', 'passthrough', '-enc_time_base', ratio(timeBase, ':')],
    '-vf',
    [
      `setsar=${ratio(pixelAspect, '/')}`,
      // 4:2:0 has one colour for two by two pixels.
      'pad=ceil(iw/2)*2:ceil(ih/2)*2',
      `scale=out_color_matrix=${colorMatrix}:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int`,
      'format=yuv420p',
    ].join(','),
    ...['-c:v', ...encoder, ...colorArguments(info)],
    // A part is a file of exact times, whatever the whole will be.
    ...['-video_track_timescale', String(trackTimescale(timeBase)), '-f', 'mp4', fileArgument(unfinished)],
  ]);
  child.stdout.resume();
  // Each write waits until its bytes are taken: they may be overwritten then, and never pile up.
  const send = (bytes: Uint8Array | Uint8ClampedArray): Promise<void> =>
    new Promise((resolve, reject) => {
      child.stdin.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), (error) => {
        // Why the program ended says more than that the pipe broke.
        if (error) child.ended.then(() => reject(error), reject);
        else resolve();
      });
    });
  let begun = false;
  return {
    async write({ width, height, data }, timeUs) {
      if (!begun) await send(matroskaHeader(width, height));
      begun = true;
      await send(matroskaFrameHeader(timeUs, data.length));
      await send(data);
    },
    async finish() {
      child.stdin.end();
      await child.ended;
      await rename(unfinished, file);
    },
    async discard() {
      child.kill();
      await child.ended.catch(() => {});
      await rm(unfinished, { force: true });
    },
  };
}

function colorArguments({ colorMatrix, colorTags }: VideoInfo): string[] {
  const { color_primaries: primaries, color_transfer: transfer } = colorTags;
  return [
    ...['-colorspace', colorMatrix, '-color_range', 'tv'],
    ...(primaries ? ['-color_primaries', primaries] : []),
    ...(transfer ? ['-color_trc', transfer] : []),
  ];
}

/** Ticks a second that hold every time of the original. */
function trackTimescale({ numerator, denominator }: VideoInfo['timeBase']): number {
  return numerator === 1 && denominator <= 500_000 && denominator >= 1000 ? denominator : 90_000;
}

function ratio({ numerator, denominator }: { numerator: number; denominator: number }, sign: string): string {
  return `${numerator}${sign}${denominator}`;
}

/** A whole part on disk. */
export interface VideoPart {
  readonly file: string;
  /** when its first frame is shown, since the beginning of the original, in microseconds */
  readonly startUs: number;
}

/**
 * Joins parts without encoding them again, and copies sound, subtitles, chapters and tags of the original.
 * @param folder for a list of the parts
 * @param endUs when the last frame ends
 * @returns what could not be copied as it was
 */
export async function joinParts(
  original: string,
  parts: readonly VideoPart[],
  { folder, endUs, result, format, info, signal }: JoinOptions,
): Promise<string[]> {
  const list = path.join(folder, 'parts.txt');
  const lines = parts.map(({ file, startUs }, i) => {
    const end = parts[i + 1]?.startUs ?? endUs;
    return `file '${path.basename(file)}'\nduration ${((end - startUs) / 1e6).toFixed(6)}\n`;
  });
  await writeFile(list, `ffconcat version 1.0\n${lines.join('')}`);
  const unfinished = `${result}.unfinished`;
  const base = [
    ...['-y', '-nostdin', '-nostats', '-loglevel', 'error', ...localOnly],
    ...['-itsoffset', (parts[0]!.startUs / 1e6).toFixed(6), '-f', 'concat', '-i', fileArgument(list)],
    ...[...localOnly, '-i', fileArgument(original), '-map_metadata', '1', '-map_chapters', '1'],
    ...['-map', '0:v', '-c:v', 'copy'],
  ];
  const muxer = [
    ...['-metadata:s:v:0', 'rotate='],
    ...(format === 'mp4' || format === 'mov'
      ? ['-video_track_timescale', String(trackTimescale(info.timeBase)), '-movflags', '+faststart']
      : []),
    ...['-f', format === 'mkv' ? 'matroska' : format, fileArgument(unfinished)],
  ];
  const subtitles = ['-map', '1:s?', '-c:s', 'copy'];
  const sound = ['-map', '1:a?', '-c:a', 'copy'];
  const encodedSound = ['-map', '1:a?', '-c:a', format === 'webm' ? 'libopus' : 'aac', '-b:a', '192k'];
  const attempts = [
    { args: [...sound, ...subtitles], notes: [] },
    { args: sound, notes: ['subtitles left out: they do not fit the kind of file'] },
    {
      args: encodedSound,
      notes: ['sound encoded again, subtitles left out: they do not fit the kind of file'],
    },
  ];
  try {
    for (const [i, { args, notes }] of attempts.entries())
      try {
        await runFfmpeg('ffmpeg', [...base, ...args, ...muxer], signal);
        await rename(unfinished, result);
        return notes;
      } catch (error) {
        signal?.throwIfAborted();
        if (i === attempts.length - 1) throw error;
      }
    return [];
  } finally {
    await rm(unfinished, { force: true });
  }
}

export interface JoinOptions {
  readonly folder: string;
  readonly endUs: number;
  readonly result: string;
  readonly format: VideoFormat;
  readonly info: VideoInfo;
  readonly signal?: AbortSignal;
}
