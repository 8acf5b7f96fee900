/** Frames to parts of a video. */

import { rename, rm } from 'node:fs/promises';
import type { BytePixels } from '../../../image/pixels.ts';
import { fileArgument, localOnly, runFfmpeg, startFfmpeg } from './ffmpeg.ts';
import { matroskaFrameHeader, matroskaHeader } from './matroska-frames.ts';
import type { VideoFormat } from './video-format.ts';
import type { VideoInfo } from './video-probe.ts';

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
      ...(padsOddSizes(encoder) ? paddingTo(info) : []),
      `scale=out_color_matrix=${colorMatrix}:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int`,
      `format=${pixelFormat(info, encoder)}`,
    ].join(','),
    ...['-c:v', ...encoder, ...colorArguments(info)],
    // NUT keeps every time as it is, and a frame whose end nothing tells.
    // Written at once: FFmpeg passes over a full disk where it only notices at the end.
    ...['-flush_packets', '1', '-f', 'nut', fileArgument(unfinished)],
  ]);
  child.stdout.resume();
  // Each write waits until its bytes are taken: they may be overwritten then, and never pile up.
  const send = (bytes: Uint8Array | Uint8ClampedArray): Promise<void> =>
    new Promise((resolve, reject) => {
      child.stdin.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), (error) => {
        // Why the program ended says more than that the pipe broke.
        if (error)
          child.ended.then(
            () => reject(error),
            (cause: unknown) => reject(cannotWrite(file, cause)),
          );
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
      await child.ended.catch((cause: unknown) => {
        throw cannotWrite(file, cause);
      });
      await rename(unfinished, file);
    },
    async discard() {
      child.kill();
      await child.ended.catch(() => {});
      await rm(unfinished, { force: true });
    },
  };
}

/** The error of a video that could not be written, in plain words where FFmpeg's are not. */
export function cannotWrite(file: string, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const reason = /No space left on device/.test(message) ? 'the disk is full' : message;
  return new Error(`Cannot write ${file}: ${reason}`, { cause });
}

function isOdd({ width, height }: VideoInfo): boolean {
  return width % 2 === 1 || height % 2 === 1;
}

/** Of the encoders only this one takes no odd sizes at all. */
function padsOddSizes([name]: readonly string[]): boolean {
  return name === 'libopenh264';
}

/** The edge once more. */
function paddingTo({ width, height }: VideoInfo): string[] {
  const [right, bottom] = [width % 2, height % 2];
  return right + bottom === 0
    ? []
    : [`pad=iw+${right}:ih+${bottom}`, `fillborders=right=${right}:bottom=${bottom}:mode=smear`];
}

/** H.264 with one colour for two by two pixels has even sizes only. */
function pixelFormat(info: VideoInfo, [name]: readonly string[]): string {
  return isOdd(info) && name === 'libx264' ? 'yuv444p' : 'yuv420p';
}

/** What an odd size costs. */
export function describeOddSize(info: VideoInfo, encoder: readonly string[]): string[] {
  if (!isOdd(info)) return [];
  const size = `${info.width} x ${info.height}`;
  if (padsOddSizes(encoder)) return [`${size} pixels: the edge is repeated to make the sides even`];
  return pixelFormat(info, encoder) === 'yuv444p'
    ? [`${size} pixels: an odd size is kept by H.264 in 4:4:4, which some players do not show`]
    : [];
}

function colorArguments({ colorMatrix, colorTags }: VideoInfo): string[] {
  const { color_primaries: primaries, color_transfer: transfer } = colorTags;
  return [
    ...['-colorspace', colorMatrix, '-color_range', 'tv'],
    ...(primaries ? ['-color_primaries', primaries] : []),
    ...(transfer ? ['-color_trc', transfer] : []),
  ];
}

function ratio({ numerator, denominator }: { numerator: number; denominator: number }, sign: string): string {
  return `${numerator}${sign}${denominator}`;
}
