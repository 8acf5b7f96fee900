import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ByteSource } from '../../../checkpoint/byte-source.ts';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { readJsonSource, readTextSource } from '../../../checkpoint/json-source.ts';
import { openTensorFile } from '../../../checkpoint/tensor-file.ts';
import { because } from '../../../failure/failure.ts';
import type { CheckpointStore } from '../../../restore/checkpoint-store.ts';
import { otherFolders } from '../../../restore/networks.ts';
import { modelLocation } from '../engine/node-runtime.ts';
import { openFileSource } from '../files/file-source.ts';

/**
 * A checkpoint folder on disk. Absolute paths reach files outside it; what is not at its place in the released layout
 * is looked for where users have it as well.
 * @throws {CheckpointError} if there is no such folder
 */
export async function openCheckpointFolder(
  folder: string,
): Promise<CheckpointStore & { close(): Promise<void> }> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw because(
      new CheckpointError(found ? 'it is a file, not a folder' : 'there is no such folder', { file: folder }),
      {
        code: 'no-checkpoint-folder',
        folder,
      },
    );
  const open: { close(): Promise<void> }[] = [];
  const places = new Map<string, readonly string[]>();
  const locate = async (file: string): Promise<string | undefined> => {
    const [top = '', ...rest] = path.isAbsolute(file) ? [] : file.split('/');
    if (top !== '' && !places.has(top)) places.set(top, await foldersOf(folder, top));
    const candidates = top === '' ? [file] : places.get(top)!.map((place) => path.posix.join(place, ...rest));
    for (const candidate of candidates) if (await isThere(path.resolve(folder, candidate))) return candidate;
    return undefined;
  };
  const readWhole = async <Content>(
    file: string,
    read: (source: ByteSource) => Promise<Content>,
  ): Promise<Content | undefined> => {
    const place = await locate(file);
    if (place === undefined) return undefined;
    const source = await openFileSource(path.resolve(folder, place));
    try {
      return await read(source);
    } finally {
      await source.close();
    }
  };
  return {
    name: folder,
    readJson: (file) => readWhole(file, readJsonSource),
    readText: (file) => readWhole(file, readTextSource),
    async openTensors(file) {
      const place = await locate(file);
      if (place === undefined) return undefined;
      const full = path.resolve(folder, place);
      const source = await openFileSource(full);
      open.push(source);
      return { file: await openTensorFile(source), location: modelLocation(full), path: place };
    },
    async close() {
      for (const source of open.splice(0)) await source.close();
    },
  };
}

/** Where the files of a folder of the released layout may lie, relative to the checkpoint, best first. */
async function foldersOf(checkpoint: string, top: string): Promise<string[]> {
  const places = [top];
  for (const other of otherFolders[top] ?? [])
    places.push(...(other.startsWith('models--') ? await hubSnapshots(checkpoint, other) : [other]));
  return places;
}

/** Versions of a repository in the hub's cache: the one that `refs/main` names first. Their files are links to blobs. */
async function hubSnapshots(checkpoint: string, repository: string): Promise<string[]> {
  const folder = path.join(checkpoint, repository);
  const names = await readdir(path.join(folder, 'snapshots')).catch(() => []);
  const main = await readFile(path.join(folder, 'refs/main'), 'utf8').catch(() => '');
  const inOrder = [
    ...names.filter((name) => name === main.trim()),
    ...names.filter((name) => name !== main.trim()),
  ];
  return inOrder.map((name) => `${repository}/snapshots/${name}`);
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    // What is there and cannot be read is said by whoever opens it.
    return true;
  }
}
