import { openTensorFile } from '../../../checkpoint/tensor-file.ts';
import type { StoredNetwork } from '../../../models/match-stored.ts';
import { modelLocation } from '../engine/node-runtime.ts';
import { openFileSource } from '../files/file-source.ts';

/** What keys begin with in files of networks that were trained on several devices. */
const parallelPrefix = 'module.';

/** Opens files of one network each for as long as `use` takes. @throws {CheckpointError} if one cannot be read */
export async function withStoredNetworks<Result>(
  files: readonly string[],
  use: (stored: readonly StoredNetwork[]) => Promise<Result>,
): Promise<Result> {
  const open: { close(): Promise<void> }[] = [];
  try {
    const stored: StoredNetwork[] = [];
    for (const name of files) {
      const source = await openFileSource(name);
      open.push(source);
      const file = await openTensorFile(source);
      const location = modelLocation(name);
      const tensors = new Map(
        [...file.tensors].map(([key, entry]) => [withoutPrefix(key), { entry, file, location }]),
      );
      stored.push({ tensors, file: name });
    }
    return await use(stored);
  } finally {
    for (const source of open) await source.close();
  }
}

function withoutPrefix(key: string): string {
  return key.startsWith(parallelPrefix) ? key.slice(parallelPrefix.length) : key;
}
