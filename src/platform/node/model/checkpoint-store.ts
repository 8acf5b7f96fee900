import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { openTensorFile } from '../../../checkpoint/tensor-file.ts';
import type { CheckpointStore } from '../../../restore/checkpoint.ts';
import { modelLocation } from '../engine/node-runtime.ts';
import { openFileSource } from '../files/file-source.ts';

/** A checkpoint folder on disk. Absolute paths reach files outside it. */
export async function openCheckpointFolder(
  folder: string,
): Promise<CheckpointStore & { close(): Promise<void> }> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CheckpointError(
      `there is no such folder. Pass the folder that holds lcm/, clip/ and interlcm/; the published weights come with: interlcm download interlcm-3step -o ${folder}`,
      {
        file: folder,
      },
    );
  const open: { close(): Promise<void> }[] = [];
  return {
    name: folder,
    async readJson(file) {
      const full = path.resolve(folder, file);
      const text = await readFile(full, 'utf8').catch(absent);
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch (cause) {
        throw new CheckpointError('it is not JSON: copy it again from where the weights come from', {
          file: full,
          cause,
        });
      }
    },
    async openTensors(file) {
      const full = path.resolve(folder, file);
      if (!(await stat(full).catch(absent))) return undefined;
      const source = await openFileSource(full);
      open.push(source);
      return { file: await openTensorFile(source), location: modelLocation(full) };
    },
    async close() {
      for (const source of open.splice(0)) await source.close();
    },
  };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  return undefined;
}
