/** Transformed weights, computed once and kept in a file that models read in place. */
import { createHash } from 'node:crypto';
import { access, constants, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type BindParameter, emitModel } from '../../../graph/onnx/emit-model.ts';
import type { Value } from '../../../graph/value.ts';
import type { PrepareWeights } from '../../../restore/stage-models.ts';
import { type Runtime, withSession } from '../../../runtime/runtime.ts';
import { elementCount } from '../../../tensor/host-tensor.ts';
import { writeAtomically } from '../files/atomic-write.ts';
import { requireDiskSpace } from '../files/disk-space.ts';
import { makeFolder } from '../files/make-folder.ts';
import { explainSystemError } from '../files/system-error.ts';
import { userCacheFolder } from '../files/user-cache-folder.ts';
import { modelLocation } from './node-runtime.ts';

const cacheName = '.interlcm-cache';
/** Memory pages: mapped tensors start on their own. */
const alignment = 4096;

/**
 * Keeps prepared weights beside the checkpoint, or in the user's cache folder where that cannot be written.
 * A file's name tells what it was made from, so a changed checkpoint gets a new file and the old one goes.
 */
export function weightCache(
  checkpointFolder: string,
  runtime: Runtime,
  onProgress: (message: string) => void = () => {},
): PrepareWeights {
  return async (stage, values, bind) => {
    const models = new Map(
      [...values].map(([name, value]) => [name, emitModel(name, { value }, bind)] as const),
    );
    const folder = await cacheFolder(checkpointFolder);
    const layout = layOut(values);
    // One file a stage and set of values; another fingerprint of the same set is out of date.
    const set = `${stage}-${values.size}-`;
    const file = path.join(folder, `${set}${await fingerprint([...models.values()])}.bin`);
    const existing = await stat(file).catch(() => undefined);
    if (existing?.size !== layout.byteLength) {
      onProgress(
        `transforming weights of ${stage} (once; ${Math.round(layout.byteLength / 2 ** 20)} MB in ${file})`,
      );
      await removeStale(folder, set);
      await requireDiskSpace(folder, layout.byteLength, `transformed weights of ${stage}`);
      await writeValues(file, layout, async (name) =>
        withSession(runtime, models.get(name)!, async (session) => (await session.run({}))['value']!.data),
      );
    }
    const location = modelLocation(file);
    return ((name) => ({
      kind: 'external',
      location,
      dtype: 'float32',
      ...layout.places.get(name)!,
    })) as BindParameter;
  };
}

interface Layout {
  readonly places: ReadonlyMap<string, { readonly offset: number; readonly byteLength: number }>;
  readonly byteLength: number;
}

function layOut(values: ReadonlyMap<string, Value>): Layout {
  const places = new Map<string, { offset: number; byteLength: number }>();
  let end = 0;
  for (const [name, value] of values) {
    const byteLength = 4 * elementCount(value.shape);
    places.set(name, { offset: end, byteLength });
    end = Math.ceil((end + byteLength) / alignment) * alignment;
  }
  return { places, byteLength: end };
}

/** Of the models that make the values, and of the files they read. */
async function fingerprint(
  models: readonly { bytes: Uint8Array; locations: ReadonlySet<string> }[],
): Promise<string> {
  const hash = createHash('sha256');
  const files = new Set<string>();
  for (const { bytes, locations } of models) {
    hash.update(bytes);
    for (const location of locations) files.add(location);
  }
  for (const location of files) {
    const { size, mtimeMs } = await stat(path.resolve(path.parse(process.cwd()).root, location));
    hash.update(`${location} ${size} ${mtimeMs}`);
  }
  return hash.digest('hex').slice(0, 16);
}

async function cacheFolder(checkpointFolder: string): Promise<string> {
  const beside = path.join(checkpointFolder, cacheName);
  const folder = await makeFolder(beside)
    .then(() => access(beside, constants.W_OK))
    .then(
      () => beside,
      async () => path.join(await userCacheFolder(), 'weights'),
    );
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new Error(
      `Cannot keep transformed weights in ${beside} or ${folder}: ${explainSystemError(error)}. Set XDG_CACHE_HOME to a folder that can be written`,
      { cause: error },
    );
  }
  return folder;
}

async function removeStale(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.startsWith(prefix) && folder.endsWith(cacheName)) await rm(path.join(folder, name));
}

async function writeValues(
  file: string,
  { places, byteLength }: Layout,
  computeValue: (name: string) => Promise<Float32Array>,
): Promise<void> {
  await writeAtomically(file, async (handle) => {
    for (const [name, { offset }] of places) {
      const values = await computeValue(name);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await handle.write(bytes, 0, bytes.length, offset);
    }
    await handle.truncate(byteLength);
  });
}
