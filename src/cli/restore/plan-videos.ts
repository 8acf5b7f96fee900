/** Where restored videos go: beside each other, and in nobody's place. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { requireWritable } from '../../platform/node/files/atomic-write.ts';
import { BatchJournal } from '../../platform/node/files/batch-journal.ts';
import { exists } from '../../platform/node/files/file-kind.ts';
import { type VideoFormat, videoExtensions } from '../../platform/node/video/video-format.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { RestoreSettings } from './restore-settings.ts';

export interface PlannedVideo {
  readonly input: string;
  readonly output: string;
  readonly format: VideoFormat;
  /** named by the input, in a folder of results */
  readonly inFolder: boolean;
  /** where the name could not be the input's, why */
  readonly notes: readonly string[];
}

/** Result of a video in a format that is not written. */
const otherFormat = '.mp4';

/**
 * Chooses a path for the result of each video; writes nothing.
 * @throws {UsageError} if a result would replace its input, or another result, Error if its folder cannot be written
 */
export async function planVideos(
  settings: Pick<RestoreSettings, 'inputs' | 'outputFolder'>,
): Promise<PlannedVideo[]> {
  const wanted = settings.inputs.map((input) => nameResult(input, settings));
  for (const [i, { input, output }] of wanted.entries()) {
    if (wanted.findIndex((other) => other.output === output) < i)
      throw new UsageError(
        `Two of the videos would be written to ${output}: restore them in runs of their own`,
      );
    await refuseToReplace(input, output);
  }
  // Before any work: a restoration takes long, and would be lost.
  for (const { output } of wanted) await requireWritable(path.dirname(output));
  const taken = new Set(wanted.map(({ output }) => output.toLowerCase()));
  const planned: PlannedVideo[] = [];
  for (const video of wanted) planned.push(video.inFolder ? await keepOthers(video, taken) : video);
  return planned;
}

function nameResult(
  input: string,
  { inputs, outputFolder }: Pick<RestoreSettings, 'inputs' | 'outputFolder'>,
): PlannedVideo {
  const named = path.extname(outputFolder).toLowerCase();
  const toFile = inputs.length === 1 && named in videoExtensions;
  const { name, ext } = path.parse(input);
  const kept = ext.toLowerCase() in videoExtensions ? ext : otherFormat;
  const output = toFile ? outputFolder : path.join(outputFolder, name + kept);
  const format = videoExtensions[path.extname(output).toLowerCase()]!;
  return { input, output, format, inFolder: !toFile, notes: [] };
}

/** The first of `a.mp4`, `a-2.mp4`, … that is free, or holds what an earlier run has written. */
async function keepOthers(video: PlannedVideo, taken: Set<string>): Promise<PlannedVideo> {
  const journal = await BatchJournal.open(path.dirname(video.output));
  const { dir, name, ext } = path.parse(video.output);
  let output = video.output;
  for (let number = 2; await isOthers(output, journal); ) {
    do output = path.join(dir, `${name}-${number++}${ext}`);
    while (taken.has(output.toLowerCase()));
  }
  if (output === video.output) return video;
  taken.add(output.toLowerCase());
  await refuseToReplace(video.input, output);
  const { base } = path.parse(video.output);
  const note = `written as ${path.basename(output)}: ${base} was there and is no result of an earlier run, so it is kept`;
  return { ...video, output, notes: [note] };
}

/** A result that a killed run has not noted yet has the folder of its parts beside it. */
async function isOthers(file: string, journal: BatchJournal): Promise<boolean> {
  return (await journal.isForeign(file)) && !(await exists(`${file}.parts`));
}

async function refuseToReplace(input: string, output: string): Promise<void> {
  const [from, to] = await Promise.all([input, output].map((file) => stat(file).catch(() => undefined)));
  if (from && to && from.ino === to.ino && from.dev === to.dev)
    throw new UsageError(`Cannot write ${output}: that would replace the input; choose another --output`);
}
