import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { exists, isFolder } from './file-kind.ts';

/**
 * Makes a folder and those above it that are missing; one that is there stays as it is. Takes the place of `mkdir` with
 * `recursive`, which in Node 20 never returns where the system says "not found" to whatever is made in a folder that
 * is there, as in `/proc`.
 * @throws the system's error, if it cannot be made
 */
export async function makeFolder(folder: string): Promise<void> {
  const wanted = [path.resolve(folder)];
  for (let above = path.dirname(wanted[0]!); !(await exists(above)); above = path.dirname(above)) {
    if (above === path.dirname(above)) break; // a drive that is not there
    wanted.unshift(above);
  }
  for (const each of wanted)
    await mkdir(each).catch(async (error: unknown) => {
      if (!(await isFolder(each))) throw error;
    });
}
