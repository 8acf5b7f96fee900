/** Transformed weights, computed once and kept in a file that models read in place. */
import { createHash } from 'node:crypto';
import { access, constants, type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
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
import { writeFully } from '../files/write-fully.ts';
import { modelLocation } from './node-runtime.ts';

const cacheName = '.interlcm-cache';
/** Memory pages: mapped tensors start on their own. */
const alignment = 4096;
/** After the values stands the CRC-32 of each, as 32 bits. */
const checksumBytes = 4;

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
    if (!(await isWhole(file, layout, stage, onProgress))) {
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
  /** Where the checksums begin. */
  readonly end: number;
  /** Of the whole file. */
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
  return { places, end, byteLength: end + checksumBytes * places.size };
}

/** Files from this size on take long enough to check that it is said. */
const largeFile = 2 ** 30;
const readBytes = 2 ** 22;

/**
 * Whether a file holds what was written. Every byte of every value is read, which the system keeps for the models that
 * use them: CRC-32 takes a quarter of a second a gigabyte, SHA-256 three times that.
 */
async function isWhole(
  file: string,
  { places, end, byteLength }: Layout,
  stage: string,
  onProgress: (message: string) => void,
): Promise<boolean> {
  const status = await stat(file).catch(() => undefined);
  if (status?.size !== byteLength) return false;
  if (byteLength >= largeFile)
    onProgress(`checking transformed weights of ${stage} (${(byteLength / 1e9).toFixed(1)} GB)`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { buffer } = await handle.read(Buffer.alloc(byteLength - end), 0, byteLength - end, end);
    const chunk = Buffer.alloc(readBytes);
    for (const [index, { offset, byteLength: length }] of [...places.values()].entries()) {
      let checksum = 0;
      let bytesRead = 0;
      for (let at = offset; at < offset + length; at += bytesRead) {
        ({ bytesRead } = await handle.read(chunk, 0, Math.min(readBytes, offset + length - at), at));
        if (bytesRead === 0) throw new Error('it ends too early');
        checksum = crc32(chunk.subarray(0, bytesRead), checksum);
      }
      if (checksum !== buffer.readUInt32LE(checksumBytes * index)) throw new Error('a checksum is wrong');
    }
    return true;
  } catch (error) {
    const problem = explainSystemError(error);
    onProgress(
      `the transformed weights in ${file} are damaged (${problem}) and made again; is the disk sound?`,
    );
    return false;
  } finally {
    await handle?.close();
  }
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
  { places, end }: Layout,
  computeValue: (name: string) => Promise<Float32Array>,
): Promise<void> {
  await writeAtomically(file, async (handle) => {
    const checksums = Buffer.alloc(checksumBytes * places.size);
    for (const [index, [name, { offset }]] of [...places].entries()) {
      const values = await computeValue(name);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await writeFully(handle, bytes, offset);
      checksums.writeUInt32LE(crc32(bytes), checksumBytes * index);
    }
    await writeFully(handle, checksums, end);
  });
}
