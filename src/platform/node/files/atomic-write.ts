/** Files that are there in full or not at all. */

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { access, constants, type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isFolder } from './file-kind.ts';
import { makeFolder } from './make-folder.ts';
import { explainSystemError } from './system-error.ts';

const unfinished = new Set<string>();

/** Removes what unfinished writes have left, at once: for a process that is about to end. */
function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
  unfinished.clear();
}

/**
 * Writes a file under a temporary name in the same folder, then renames it, so that nobody ever sees half of
 * it. Makes the folders it needs and replaces a file of that name. A failure, or the end of the process by
 * `process.exit`, leaves no temporary file.
 * @param write puts the contents into the open file; its errors become the cause
 * @throws {Error} naming `path`, if it cannot be written
 */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<unknown>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.interlcm-${randomBytes(6).toString('hex')}.tmp`);
  if (!process.listeners('exit').includes(removeUnfinished)) process.on('exit', removeUnfinished);
  unfinished.add(temporary);
  try {
    await makeFolder(folder);
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new Error(`Cannot write ${path}: ${explainSystemError(error)}`, { cause: error });
  } finally {
    unfinished.delete(temporary);
  }
}

/**
 * Makes nothing: asks whether files could be written.
 * @param folder is there, or would be made
 * @throws {Error} naming `folder`, if it cannot be written or made
 */
export async function requireWritable(folder: string): Promise<void> {
  let nearest = resolve(folder);
  try {
    for (;;) {
      const status = await stat(nearest).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' || nearest === dirname(nearest)) throw error;
      });
      if (status && !status.isDirectory()) throw new Error(`${nearest} is a file`);
      if (status) break;
      nearest = dirname(nearest);
    }
    await access(nearest, constants.W_OK);
  } catch (error) {
    throw new Error(`Cannot write to ${folder}: ${explainSystemError(error)}`, { cause: error });
  }
}

/**
 * Makes nothing: asks whether a file could be written, before the work whose result it is to hold.
 * @param file nothing is asked without one
 * @throws {Error} naming it, if a folder is in its place or its folder cannot be written
 */
export async function requireFilePlace(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  if (await isFolder(file)) throw new Error(`Cannot write ${file}: it is a folder`);
  await requireWritable(dirname(file));
}

/** `writeAtomically` of contents that are there already. */
export async function writeFileAtomically(path: string, data: Uint8Array | string): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(data));
}

/**
 * Has the names in a folder, and in those inside it, outlast a power cut. What the files hold is not its concern:
 * `writeAtomically` sees to that. Does nothing where the system cannot (Windows).
 */
export async function syncFolder(folder: string, { recursive = false } = {}): Promise<void> {
  if (recursive)
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await syncFolder(join(folder, entry.name), { recursive });
  const handle = await open(folder, 'r').catch(() => undefined);
  try {
    await handle?.sync().catch(() => undefined);
  } finally {
    await handle?.close();
  }
}
