/** Which files the results of pictures go to. */

import { requireWritable } from '../../platform/node/files/atomic-write.ts';
import type { BatchJournal } from '../../platform/node/files/batch-journal.ts';
import { type InputFile, readFileSignature } from '../../platform/node/files/input-files.ts';
import {
  type OutputFile,
  type OutputRequest,
  pathsOf,
  planOutputFiles,
  refuseToOverwriteInputs,
} from '../terminal/output-files.ts';
import type { RestoreSettings } from './restore-settings.ts';

/**
 * Names that take nobody's file away: neither an input's nor one that no run of ours has written.
 * @throws {UsageError} if a result would replace an input, Error if the folder cannot be written
 */
export async function planOutputs(
  files: readonly InputFile[],
  { format, outputFolder, comparison, samples, sampling: { seed = 0 } }: RestoreSettings,
  journal: BatchJournal,
): Promise<OutputFile[]> {
  const requests: OutputRequest[] = [];
  for (const file of files) requests.push(await requestOutput(file, format));
  const moreSeeds = Array.from({ length: samples - 1 }, (_, i) => seed + 1 + i);
  const plan = (foreign: readonly string[]) =>
    planOutputFiles(requests, { folder: outputFolder, comparison, moreSeeds, foreign });
  const foreign: string[] = [];
  let outputs = plan(foreign);
  await refuseToOverwriteInputs(outputs);
  // Before any work: a restoration takes long, and would be lost.
  await requireWritable(outputFolder);
  const checked = new Set<string>();
  for (let settled = false; !settled; ) {
    settled = true;
    for (const path of outputs.flatMap(pathsOf)) {
      if (checked.has(path)) continue;
      checked.add(path);
      if (!(await journal.isForeign(path))) continue;
      foreign.push(path);
      settled = false;
    }
    if (!settled) outputs = plan(foreign);
  }
  return outputs;
}

async function requestOutput(input: InputFile, format: RestoreSettings['format']): Promise<OutputRequest> {
  if (format !== 'input') return { input, format };
  // A GIF has too few colours for a restored face.
  const own = (input.signature ?? (await readFileSignature(input.path)))?.format ?? 'png';
  return { input, format: own === 'gif' ? 'png' : own };
}
