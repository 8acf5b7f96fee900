/** A checkpoint's networks alone, with fewer bits a weight: what is shipped of a training run. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { rowScaleSuffix } from '../../../checkpoint/safetensors.ts';
import { encodeSafetensors, type SafetensorsInput } from '../../../checkpoint/safetensors-writer.ts';
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

/** Other trainings of the same networks, and their share together in every weight, 0..1: all of them alike. */
export interface Mixture {
  readonly folders: readonly string[];
  readonly share: number;
}

interface PackOptions {
  /** Of each weight: half precision, or whole numbers with a scale a row for all matrices and kernels. 16 unless given. */
  readonly bits?: 8 | 16 | undefined;
  /**
   * Whose weights are averaged with the checkpoint's, as between a soft and a sharp one of the same origin (Wang et al. 2018,
   * "ESRGAN", arXiv:1809.00219, section 3.4), or among several runs from one start (Wortsman et al. 2022, "Model soups",
   * arXiv:2203.05482).
   */
  readonly mixture?: Mixture | undefined;
}

/**
 * Copies the networks of a checkpoint, their configs, the schedule and the sampling defaults, with weights in fewer bits.
 * @param to must not exist; appears when all is written
 * @throws {CheckpointError} if a checkpoint is incomplete, they differ in their networks, or a weight does not fit
 *   into float16
 */
export async function packCheckpoint(
  from: string,
  to: string,
  { bits = 16, mixture }: PackOptions = {},
): Promise<void> {
  if (await exists(to))
    throw new CheckpointError('it is there already: choose another name, or remove it', { file: to });
  const store = await openCheckpointFolder(from);
  const otherStores: Awaited<ReturnType<typeof openCheckpointFolder>>[] = [];
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
    for (const folder of mixture?.folders ?? []) otherStores.push(await openCheckpointFolder(folder));
    const others = await Promise.all(otherStores.map((other) => openCheckpoint(other)));
    for (const [network, { config, tensors }] of networksOfCheckpoint(checkpoint)) {
      const mixed = others.map((other) => other[network]?.tensors ?? new Map());
      for (const [i, other] of mixed.entries())
        requireSameTensors(tensors, other, `its ${networks[network].label}`, mixture!.folders[i]!);
      const inputs = [...tensors].flatMap(([name, { entry, file }]) => {
        const read = async (): Promise<Float32Array> => {
          const data = (await readTensor(file, entry.name)).data;
          if (mixture) await mixInto(data, name, mixed, mixture.share);
          if (!data.every((value) => Math.abs(value) < largestHalf))
            throw new CheckpointError(`its ${name} has values beyond half precision`, { file: from });
          return data;
        };
        return bits === 8 && entry.shape.length > 1
          ? inEightBits(name, entry.shape, read)
          : [{ name, dtype: 'float16' as const, shape: entry.shape, data: read }];
      });
      const { float16, float32 } = networks[network].files;
      await write(bits === 8 ? float32 : float16, encodeSafetensors(inputs));
      await writeJson(networks[network].files.config, config);
    }
    await writeJson(schedulerPath, checkpoint.scheduler);
    if (checkpoint.context) await write(textEmbeddingPath, encodeEmbedding(checkpoint.context));
    // Packed encoders have a config beside them, and would no longer be taken for the released ones.
    await writeJson(samplingPath, { ...checkpoint.sampling, imageSize: modelImageSize(checkpoint) });
    await rename(partial, to);
  } finally {
    await store.close();
    for (const other of otherStores) await other.close();
    await rm(partial, { recursive: true, force: true });
  }
}

const largestHalf = 65520;

/** Whole numbers of at most this size, either way. */
const largestByte = 127;

/** A matrix, or a kernel of `shape[0]` channels, as whole numbers in -127..127 and a scale a row. */
function inEightBits(
  name: string,
  shape: readonly number[],
  read: () => Promise<Float32Array>,
): SafetensorsInput[] {
  const rows = shape[0]!;
  const scalesOf = (data: Float32Array): Float32Array => {
    const width = data.length / rows;
    return Float32Array.from({ length: rows }, (_, row) => {
      let largest = 0;
      for (let i = row * width; i < (row + 1) * width; i++) largest = Math.max(largest, Math.abs(data[i]!));
      return largest / largestByte;
    });
  };
  return [
    {
      name: name + rowScaleSuffix,
      dtype: 'float32',
      shape: [rows],
      data: async () => scalesOf(await read()),
    },
    {
      name,
      dtype: 'int8',
      shape,
      async data() {
        const data = await read();
        const scales = scalesOf(data);
        const width = data.length / rows;
        const whole = Int8Array.from(data, (value, i) =>
          Math.round(value / (scales[Math.floor(i / width)]! || 1)),
        );
        return new Uint8Array(whole.buffer);
      },
    },
  ];
}

/** One at a time, so that no more than two are held. */
async function mixInto(
  own: Float32Array,
  name: string,
  others: readonly StoredTensors[],
  share: number,
): Promise<void> {
  own.forEach((value, i) => {
    own[i] = value * (1 - share);
  });
  for (const other of others) {
    const { file, entry } = other.get(name)!;
    const { data } = await readTensor(file, entry.name);
    data.forEach((value, i) => {
      own[i]! += (value * share) / others.length;
    });
  }
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
