/** A checkpoint's networks alone, in half precision: what is shipped of a training run. */
import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { readTensor } from '../../../checkpoint/tensor-file.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import { networkNames, networks, samplingPath, schedulerPath } from '../../../restore/networks.ts';
import { modelImageSize } from '../../../restore/restoration-graphs.ts';
import { makeFolder } from '../files/make-folder.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

/**
 * Copies the networks of a checkpoint, their configs, the schedule and the sampling defaults, with weights in float16.
 * @param to must not exist; appears when all is written
 * @throws {CheckpointError} if the checkpoint is incomplete, or a weight does not fit into float16
 */
export async function packCheckpoint(from: string, to: string): Promise<void> {
  if (await stat(to).catch(() => undefined))
    throw new CheckpointError('it is there already: choose another name, or remove it', { file: to });
  const store = await openCheckpointFolder(from);
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
    for (const network of networkNames) {
      const { config, tensors } = checkpoint[network];
      const inputs = [...tensors].map(([name, { entry, file }]) => ({
        name,
        dtype: 'float16' as const,
        shape: entry.shape,
        data: async () => {
          const { data } = await readTensor(file, entry.name);
          if (!data.every((value) => Math.abs(value) < largestHalf))
            throw new CheckpointError(`its ${name} has values beyond half precision`, { file: from });
          return data;
        },
      }));
      await write(networks[network].files.float16, encodeSafetensors(inputs));
      await writeJson(networks[network].files.config, config);
    }
    await writeJson(schedulerPath, checkpoint.scheduler);
    // Packed encoders have a config beside them, and would no longer be taken for the released ones.
    await writeJson(samplingPath, { ...checkpoint.sampling, imageSize: modelImageSize(checkpoint) });
    await rename(partial, to);
  } finally {
    await store.close();
    await rm(partial, { recursive: true, force: true });
  }
}

const largestHalf = 65520;
