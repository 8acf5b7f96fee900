import { blobSource } from '../checkpoint/byte-source.ts';
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { readJsonSource, readTextSource } from '../checkpoint/json-source.ts';
import { openTensorFile } from '../checkpoint/tensor-file.ts';
import type { CheckpointStore } from './checkpoint-store.ts';

/** A checkpoint store that also hands out whole weight files, for runtimes that cannot read them in place. */
export interface WeightStore extends CheckpointStore {
  /**
   * The bytes of the weight file that a model calls `location`.
   * @throws {CheckpointError} if there is no such file
   */
  loadWeights(location: string): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * A checkpoint whose files are blobs: files that a user chose, a server's answers, bytes made in memory. Headers are
 * read first; weights are loaded when a model needs them.
 * @param findFile the file at a path relative to the checkpoint, or undefined if there is none
 */
export function blobCheckpointStore(
  name: string,
  findFile: (path: string) => Promise<Blob | undefined>,
): WeightStore {
  return {
    name,
    async readJson(path) {
      const blob = await findFile(path);
      return blob && readJsonSource(blobSource(blob, `${name}/${path}`));
    },
    async readText(path) {
      const blob = await findFile(path);
      return blob && readTextSource(blobSource(blob, `${name}/${path}`));
    },
    async openTensors(path) {
      const blob = await findFile(path);
      if (!blob) return undefined;
      return { file: await openTensorFile(blobSource(blob, `${name}/${path}`)), location: path };
    },
    async loadWeights(location) {
      const blob = await findFile(location);
      if (!blob)
        throw new CheckpointError('it has gone since the checkpoint was opened', {
          file: `${name}/${location}`,
        });
      return blobSource(blob, `${name}/${location}`).read(0, blob.size);
    },
  };
}
