/** The weights of one network in a checkpoint's folder: one file, or several that an index lists. */

import { CheckpointError, quoteName } from '../checkpoint/checkpoint-error.ts';
import type { StoredTensor, StoredTensors } from '../models/network-weights.ts';
import { fileLimits } from '../tensor/file-limits.ts';
import { z } from '../tensor/file-schema.ts';
import type { CheckpointStore, OpenedTensors } from './checkpoint-store.ts';
import { type NetworkName, networks } from './networks.ts';

/**
 * @param overrides paths to be taken instead of the released layout's
 * @returns the tensors of a network, and the path that they were found at
 * @throws {CheckpointError} if there are none, or they are damaged
 */
export async function openWeights(
  store: CheckpointStore,
  network: NetworkName,
  overrides: Partial<Record<NetworkName, string>>,
): Promise<{ tensors: StoredTensors; path: string }> {
  const { label, files } = networks[network];
  const override = overrides[network];
  const candidates = override ? [override] : files.weights;
  const found = await findWeights(store, candidates);
  if (!found && override)
    throw new CheckpointError(`there is no such file; it was named for the ${label}`, { file: override });
  if (!found)
    throw new CheckpointError(
      `it has no weights of the ${label}: looked for ${candidates.join(', ')}. Put the released files there`,
      { file: store.name },
    );
  return found;
}

/**
 * The weights at the first of `paths` that is there, as one file or as an index with its parts.
 * @throws {CheckpointError} if what is there is damaged
 */
export async function findWeights(
  store: CheckpointStore,
  paths: readonly string[],
): Promise<{ tensors: StoredTensors; path: string } | undefined> {
  for (const path of paths) {
    const opened = await store.openTensors(path);
    if (opened) return { tensors: withoutWrapper(storedTensors(opened)), path: opened.path ?? path };
    const sharded = await openShards(store, path);
    if (sharded) return { tensors: withoutWrapper(sharded), path };
  }
  return undefined;
}

function storedTensors({ file, location }: OpenedTensors): Map<string, StoredTensor> {
  return new Map([...file.tensors].map(([key, entry]) => [key, { entry, file, location }]));
}

/** What PyTorch's wrappers of a network put before every key. */
const wrappers = ['module.', '_orig_mod.'];

/** Tensors by the keys that the network itself has, where it was saved together with a wrapper around it. */
function withoutWrapper(tensors: ReadonlyMap<string, StoredTensor>): StoredTensors {
  const wrapper = wrappers.find(
    (prefix) => tensors.size > 0 && [...tensors.keys()].every((key) => key.startsWith(prefix)),
  );
  if (wrapper === undefined) return tensors;
  return withoutWrapper(new Map([...tensors].map(([key, tensor]) => [key.slice(wrapper.length), tensor])));
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** What the index of a split file may be called; `fp16` stands at three places in the wild. */
function indexPaths(path: string): string[] {
  const half = /^(.*)\.fp16(\.\w+)$/.exec(path);
  const full = half ? `${half[1]}${half[2]}` : undefined;
  return [
    `${path}.index.json`,
    ...(full === undefined ? [] : [`${full}.index.fp16.json`, `${full}.fp16.index.json`]),
  ];
}

/** Weights split over files that an index lists, as large models are published. */
async function openShards(store: CheckpointStore, path: string): Promise<StoredTensors | undefined> {
  for (const indexPath of indexPaths(path)) {
    const json = await store.readJson(indexPath);
    if (json !== undefined) return readShards(store, indexPath, json);
  }
  return undefined;
}

async function readShards(store: CheckpointStore, indexPath: string, json: unknown): Promise<StoredTensors> {
  const refuse = (problem: string, key?: string): CheckpointError =>
    new CheckpointError(problem, { file: `${store.name}/${indexPath}`, key });
  const { data: index } = indexSchema.safeParse(json);
  if (!index) throw refuse('it is no index of weights: it has no "weight_map" of names to files');
  const names = new Set(Object.values(index.weight_map));
  if (names.size > fileLimits.shards)
    throw refuse(`it names ${names.size} files, more than ${fileLimits.shards}`);
  const folder = indexPath.slice(0, indexPath.lastIndexOf('/') + 1);
  const shards = new Map<string, ReadonlyMap<string, StoredTensor>>();
  for (const name of names) {
    if (!/^[^/\\:]+$/.test(name) || /^\.+$/.test(name))
      throw refuse(`it names ${quoteName(name)}, which is no file beside it`);
    const opened = await store.openTensors(folder + name);
    if (!opened) throw refuse(`its part ${quoteName(folder + name)} is missing: download it again`);
    shards.set(name, storedTensors(opened));
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [key, name] of Object.entries(index.weight_map)) {
    const tensor = shards.get(name)!.get(key);
    if (!tensor) throw refuse(`its part ${quoteName(name)} does not hold it: download it again`, key);
    tensors.set(key, tensor);
  }
  return tensors;
}
