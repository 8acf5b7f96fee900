import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import type { PictureStore } from './picture-store.ts';

/** Pictures in a folder, which several machines may share. */
export async function openFolderPictureStore(folder: string): Promise<PictureStore> {
  await mkdir(folder, { recursive: true });
  return {
    async write(job, name, bytes) {
      await writeFileAtomically(path.join(folder, job, name), bytes);
      await syncFolder(path.join(folder, job));
    },
    async read(job, name) {
      return readFile(path.join(folder, job, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return undefined;
      });
    },
    async remove(job) {
      await rm(path.join(folder, job), { recursive: true, force: true });
    },
    async jobsBefore(time) {
      const old: string[] = [];
      for (const name of await readdir(folder)) {
        const status = await stat(path.join(folder, name)).catch(() => undefined);
        if (status && status.mtime < time) old.push(name);
      }
      return old;
    },
    async close() {},
  };
}
