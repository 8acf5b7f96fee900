/** A checkpoint's networks alone, in half precision: what is shipped of a training run. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { readTensor } from '../../../checkpoint/tensor-file.ts';
import type { StoredTensors } from '../../../models/network-weights.ts';
import { networksOfCheckpoint, openCheckpoint } from '../../../restore/checkpoint.ts';
import { networks, samplingPath, schedulerPath, textEmbeddingPath } from '../../../restore/networks.ts';
import { modelImageSize } from '../../../restore/restoration-graphs.ts';
import { encodeEmbedding } from '../../../restore/stored-embedding.ts';
import { sameShape } from '../../../tensor/host-tensor.ts';
import { exists } from '../files/file-kind.ts';
import { makeFolder } from '../files/make-folder.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

/** Another training of the same networks, and its share in every weight, 0..1. */
export interface Mixture {
  readonly folder: string;
  readonly share: number;
}

/**
 * Copies the networks of a checkpoint, their configs, the schedule and the sampling defaults, with weights in float16.
 * @param to must not exist; appears when all is written
 * @param mixture whose weights are averaged with the checkpoint's, as between a soft and a sharp one of the same origin
 *   (Wang et al. 2018, "ESRGAN", arXiv:1809.00219, section 3.4)
 * @throws {CheckpointError} if a checkpoint is incomplete, the two differ in their networks, or a weight does not fit
 *   into float16
 */
export async function packCheckpoint(from: string, to: string, mixture?: Mixture): Promise<void> {
  if (await exists(to))
    throw new CheckpointError('it is there already: choose another name, or remove it', { file: to });
  const store = await openCheckpointFolder(from);
  const otherStore = mixture && (await openCheckpointFolder(mixture.folder));
  const partial = `${to}.partial-${process.pid}`;
  const write = async (file: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => {
    const full = path.join(partial, file);
    await makeFolder(path.dirname(full));
    await pipeline(Readable.from(chunks), createWriteStream(full));
  };
  const writeJson = (file: string, json: unknown): Promise<void> =>
    write(file, [Buffer.from(`${JSON.stringify(json, null, 2)}\n`)]);
  try {
    const checkpoint = await openCheckpoint(store);
    const other = otherStore && (await openCheckpoint(otherStore));
    for (const [network, { config, tensors }] of networksOfCheckpoint(checkpoint)) {
      const mixed = other && (other[network]?.tensors ?? new Map());
      if (mixed) requireSameTensors(tensors, mixed, `its ${networks[network].label}`, mixture!.folder);
      const inputs = [...tensors].map(([name, { entry, file }]) => ({
        name,
        dtype: 'float16' as const,
        shape: entry.shape,
        data: async () => {
          const own = (await readTensor(file, entry.name)).data;
          const data = mixed ? mix(own, await readStored(mixed, name), mixture!.share) : own;
          if (!data.every((value) => Math.abs(value) < largestHalf))
            throw new CheckpointError(`its ${name} has values beyond half precision`, { file: from });
          return data;
        },
      }));
      await write(networks[network].files.float16, encodeSafetensors(inputs));
      await writeJson(networks[network].files.config, config);
    }
    await writeJson(schedulerPath, checkpoint.scheduler);
    if (checkpoint.context) await write(textEmbeddingPath, encodeEmbedding(checkpoint.context));
    // Packed encoders have a config beside them, and would no longer be taken for the released ones.
    await writeJson(samplingPath, { ...checkpoint.sampling, imageSize: modelImageSize(checkpoint) });
    await rename(partial, to);
  } finally {
    await store.close();
    await otherStore?.close();
    await rm(partial, { recursive: true, force: true });
  }
}

const largestHalf = 65520;

function mix(own: Float32Array, other: Float32Array, share: number): Float32Array {
  return own.map((value, i) => value + share * (other[i]! - value));
}

async function readStored(tensors: StoredTensors, name: string): Promise<Float32Array> {
  const { file, entry } = tensors.get(name)!;
  return (await readTensor(file, entry.name)).data;
}

function requireSameTensors(own: StoredTensors, other: StoredTensors, what: string, file: string): void {
  const differs =
    own.size !== other.size ||
    [...own].some(([name, { entry }]) => {
      const tensor = other.get(name);
      return !tensor || !sameShape(tensor.entry.shape, entry.shape);
    });
  if (differs)
    throw new CheckpointError(`${what} has other weights than the checkpoint it is to be mixed with`, {
      file,
    });
}
