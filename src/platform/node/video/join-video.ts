/** Parts of a video to the whole, with the sound and what else the original has. */

import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileArgument, localOnly, runFfmpeg } from './ffmpeg.ts';
import type { VideoFormat } from './video-format.ts';
import { probeVideo, type VideoInfo } from './video-probe.ts';
import { cannotWrite } from './video-writer.ts';

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
  { folder, frames, endUs, result, format, info, signal }: JoinOptions,
): Promise<readonly string[]> {
  const list = path.join(folder, 'parts.txt');
  const lines = parts.map(({ file, startUs }, i) => {
    const end = parts[i + 1]?.startUs ?? endUs;
    return `file '${path.basename(file)}'\nduration ${((end - startUs) / 1e6).toFixed(6)}\n`;
  });
  await writeFile(list, `ffconcat version 1.0\n${lines.join('')}`);
  const unfinished = `${result}.unfinished`;
  const isMp4 = format === 'mp4' || format === 'mov';
  const base = [
    ...['-y', '-nostdin', '-nostats', '-loglevel', 'error', ...localOnly],
    ...['-itsoffset', (parts[0]!.startUs / 1e6).toFixed(6), '-f', 'concat', '-i', fileArgument(list)],
    ...[...localOnly, '-i', fileArgument(original), '-map_metadata', '1', '-map_chapters', '1'],
    ...['-map', '0:v', '-c:v', 'copy', '-disposition:v:0', 'default'],
  ];
  const muxer = [
    ...Object.entries(info.tags).flatMap(([name, value]) => ['-metadata:s:v:0', `${name}=${value}`]),
    ...['-metadata:s:v:0', 'rotate='],
    ...(isMp4
      ? ['-video_track_timescale', String(trackTimescale(info.timeBase)), '-movflags', '+faststart']
      : []),
    ...['-f', format === 'mkv' ? 'matroska' : format, fileArgument(unfinished)],
  ];
  const more = moreStreams(info, format);
  try {
    let failure: unknown;
    for (const { args, notes } of attempts(format, more))
      try {
        await runFfmpeg('ffmpeg', [...base, ...args, ...muxer], signal);
        await requireFrames(unfinished, frames, signal);
        const { tags } = await probeVideo(unfinished, signal);
        await rename(unfinished, result);
        // Of two frames FFmpeg does not know the rate that a time code counts in.
        const lost = info.tags['timecode'] !== undefined && tags['timecode'] === undefined;
        return lost ? [...notes, 'time code left out'] : notes;
      } catch (error) {
        signal?.throwIfAborted();
        failure = cannotWrite(result, error);
        if (/the disk is full$/.test((failure as Error).message)) break;
      }
    throw failure;
  } finally {
    await rm(unfinished, { force: true });
  }
}

interface Attempt {
  readonly args: readonly string[];
  /** what the result lacks then */
  readonly notes: readonly string[];
}

/** Covers and files inside the original, where the format has a place for them. */
function moreStreams({ covers, attachments }: VideoInfo, format: VideoFormat): Attempt {
  const isMp4 = format === 'mp4' || format === 'mov';
  const keptCovers = isMp4 ? covers : [];
  const args = keptCovers.flatMap((index, i) => [
    ...['-map', `1:${index}`, `-disposition:v:${1 + i}`, 'attached_pic'],
  ]);
  // In Matroska a cover is a file inside, as the others are.
  const isMatroska = format === 'mkv';
  if (isMatroska && attachments > 0) args.push('-map', '1:t', '-c:t', 'copy');
  if (isMatroska)
    for (const [i, index] of covers.entries())
      args.push('-map', `1:${index}`, `-disposition:v:${1 + i}`, 'attached_pic');
  const notes = [
    ...(covers.length > 0 && !isMp4 && !isMatroska ? ['cover left out'] : []),
    ...(attachments > 0 && !isMatroska ? ['attached files left out'] : []),
  ];
  return { args, notes };
}

function attempts(format: VideoFormat, more: Attempt): Attempt[] {
  const subtitles = ['-map', '1:s?', '-c:s', 'copy'];
  const sound = ['-map', '1:a?', '-c:a', 'copy'];
  const encodedSound = ['-map', '1:a?', '-c:a', format === 'webm' ? 'libopus' : 'aac', '-b:a', '192k'];
  const lost = 'they do not fit the kind of file';
  const without = more.args.length > 0 ? ['cover and attached files left out'] : more.notes;
  return [
    { args: [...sound, ...subtitles, ...more.args], notes: more.notes },
    { args: [...sound, ...more.args], notes: [`subtitles left out: ${lost}`, ...more.notes] },
    ...(more.args.length > 0 ? [{ args: [...sound, ...subtitles], notes: without }] : []),
    { args: sound, notes: [`subtitles left out: ${lost}`, ...without] },
    { args: encodedSound, notes: [`sound encoded again, subtitles left out: ${lost}`, ...without] },
  ];
}

/** Nothing between the decoder and the result may lose a frame. */
async function requireFrames(file: string, frames: number, signal: AbortSignal | undefined): Promise<void> {
  const output = await runFfmpeg(
    'ffprobe',
    [
      ...['-v', 'error', ...localOnly, '-select_streams', 'v:0', '-count_packets'],
      ...['-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0', fileArgument(file)],
    ],
    signal,
  );
  const found = Number.parseInt(output, 10);
  // Encoders of VP8 may add frames that are not shown.
  if (!(found >= frames)) throw new Error(`only ${found} of ${frames} frames came out of FFmpeg`);
}

export interface JoinOptions {
  readonly folder: string;
  /** of all parts */
  readonly frames: number;
  readonly endUs: number;
  readonly result: string;
  readonly format: VideoFormat;
  readonly info: VideoInfo;
  readonly signal?: AbortSignal;
}

/** Ticks a second that hold every time of the original. */
function trackTimescale({ numerator, denominator }: VideoInfo['timeBase']): number {
  return numerator === 1 && denominator <= 500_000 && denominator >= 1000 ? denominator : 90_000;
}
