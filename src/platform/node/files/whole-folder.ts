/** Folders that are there as a whole or not at all. */
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { exists } from './file-kind.ts';
import { makeFolder } from './make-folder.ts';

/**
 * Makes a folder once, whichever process is first.
 * @param fill writes a folder of a temporary name, which does not exist yet
 */
export async function makeWholeFolder(
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  if (await exists(folder)) return;
  await makeFolder(path.dirname(folder));
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    await fill(temporary);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another process may have been faster.
    if (!(await exists(folder))) throw error;
  }
}
