/** The saved iterations in a run's folder, and the link to the last of them. */
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { syncFolder } from '../files/atomic-write.ts';

const iterationPattern = /^iteration-(\d+)$/;
/** What a killed run leaves when it was saving. */
const unfinishedPattern = /^(iteration-\d+|latest)\.[0-9a-f]+\.tmp$/;
/** Saved iterations that stay: the last, and the one before in case the last is damaged. */
const keptIterations = 2;

/** Whether a folder's name is that of a saved iteration. */
export const isSavedIteration = (name: string): boolean => iterationPattern.test(name);

/** In rising order. */
async function savedIterations(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => iterationPattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

const iterationFolder = (folder: string, iteration: number): string =>
  path.join(folder, `iteration-${String(iteration).padStart(6, '0')}`);

/** Removes what a killed run has left half-written. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (unfinishedPattern.test(name)) await rm(path.join(folder, name), { recursive: true, force: true });
}

/**
 * Reads the last saved iteration or, if that is damaged, the one before.
 * @param read of an iteration's folder
 * @param note told of a damaged one
 * @returns which was read; 0 if none was saved
 * @throws {CheckpointError} what is wrong with the last, if none can be read
 */
export async function readLastIteration(
  folder: string,
  read: (iterationFolder: string) => Promise<void>,
  note: (text: string) => void,
): Promise<number> {
  const saved = await savedIterations(folder);
  let failure: CheckpointError | undefined;
  for (const iteration of saved.reverse())
    try {
      await read(iterationFolder(folder, iteration));
      if (failure) note(`${failure.message}. Going on from iteration ${iteration} instead`);
      return iteration;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      failure ??= error;
    }
  if (failure) throw failure;
  return 0;
}

/**
 * Saves an iteration as a whole or not at all, has `latest` lead to it, and removes those that are not kept.
 * @param write fills a new folder, and sees that its contents outlast a power cut
 * @returns the iteration's folder
 */
export async function saveIteration(
  folder: string,
  iteration: number,
  write: (newFolder: string) => Promise<void>,
): Promise<string> {
  const target = iterationFolder(folder, iteration);
  const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await write(temporary);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await pointTo(folder, target);
  await syncFolder(folder);
  const saved = await savedIterations(folder);
  // Those beyond this iteration are damaged: the run went on from before them.
  const kept = saved.filter((one) => one <= iteration).slice(-keptIterations);
  for (const other of saved)
    if (!kept.includes(other)) await rm(iterationFolder(folder, other), { recursive: true, force: true });
  return target;
}

/** `latest` leads to the last saved iteration, for commands that take a checkpoint. */
async function pointTo(folder: string, target: string): Promise<void> {
  const link = path.join(folder, 'latest');
  const temporary = `${link}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await symlink(path.basename(target), temporary, 'dir');
    await rename(temporary, link);
  } catch {
    // No symbolic links here: a file names the folder instead.
    await rm(temporary, { force: true });
    await writeFile(`${link}.txt`, `${path.basename(target)}\n`);
  }
}
