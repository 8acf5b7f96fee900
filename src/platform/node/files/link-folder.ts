/** A folder's files in another folder, without taking their space twice. */
import { createReadStream } from 'node:fs';
import { link, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from './atomic-write.ts';
import { makeFolder } from './make-folder.ts';

/**
 * Links, or where that cannot be copies, every file below `from` to its place below `to`. What symbolic links lead to
 * counts as if it were there itself, so that `to` has no way into another folder; links that lead nowhere are left out.
 * @param from may be missing
 * @param to gets folders of its own; must not hold any of the files yet
 * @throws {Error} if a symbolic link leads to a folder that it is in
 */
export function linkFolder(from: string, to: string): Promise<void> {
  return linkEntry(from, to, []);
}

/** @param above real paths of the folders that the entry is in */
async function linkEntry(entry: string, target: string, above: readonly string[]): Promise<void> {
  const source = await realpath(entry).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (source === undefined) return;
  const status = await stat(source);
  if (status.isDirectory()) {
    if (above.includes(source))
      throw new Error(
        `Cannot link the files of ${above[0]}: ${entry} leads to ${source}, which it is in. Remove that link`,
      );
    await makeFolder(target);
    for (const name of await readdir(source))
      await linkEntry(path.join(entry, name), path.join(target, name), [...above, source]);
  } else if (status.isFile())
    await link(source, target).catch(() =>
      writeAtomically(target, (file) => writeFile(file, createReadStream(source))),
    );
}
