/**
 * PyTorch checkpoints as torch.save wrote them before version 1.6, as torchvision's and many others still are: five
 * pickles (a mark, a version, the machine, the value, the keys of its storages), then each storage in that order,
 * its element count before its elements.
 */

import { fileLimits } from '../tensor/file-limits.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { type ParsedPickle, parsePickleAt } from './pickle.ts';
import type { PickleStorage, PickleValue } from './pickle-value.ts';
import { bytesPerElement, type TensorEntry, type TensorFile } from './tensor-entry.ts';
import { chooseRecord, defaultRecords, placeTensor } from './torch-record.ts';

const version = 1001;
const countBytes = 8;
/** The pickles are tried within this much of the file first, which is enough for a thousand tensors. */
const firstBytes = 2 ** 20;

/**
 * Opens such a file. Only its pickles and the element counts are read.
 * @param prefer names of the dictionary of tensors, best first; where none is present the tensors at the top count
 * @throws {CheckpointError} if it is damaged, holds no tensors, or needs more than tensors
 */
export async function openLegacyTorch(
  source: ByteSource,
  prefer: readonly string[] = defaultRecords,
): Promise<TensorFile> {
  const { value, storages, keys, end } = await readPickles(source);
  const { record, tensors: described, arrays } = chooseRecord(source.name, value, prefer);
  const starts = await locateStorages(source, storages, keys, end);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, tensor] of described)
    tensors.set(name, placeTensor(source.name, name, tensor, starts.get(tensor.storage.key)!));
  return { source, format: 'torch', tensors, arrays, metadata: record === undefined ? {} : { record } };
}

interface Pickles extends ParsedPickle {
  readonly keys: readonly string[];
}

async function readPickles(source: ByteSource): Promise<Pickles> {
  const most = Math.min(source.byteLength, fileLimits.pickle.bytes);
  const first = Math.min(most, firstBytes);
  try {
    return parsePickles(source.name, await source.read(0, first));
  } catch (error) {
    if (first === most) throw error;
    return parsePickles(source.name, await source.read(0, most));
  }
}

function parsePickles(file: string, bytes: Uint8Array<ArrayBuffer>): Pickles {
  const mark = parsePickleAt(file, bytes, 0);
  const protocol = parsePickleAt(file, bytes, mark.end);
  if (protocol.value !== version)
    throw new CheckpointError(`its version is ${describe(protocol.value)}, not ${version}`, { file });
  const machine = parsePickleAt(file, bytes, protocol.end);
  if (!(machine.value instanceof Map) || machine.value.get('little_endian') !== true)
    throw new CheckpointError('its numbers are not little-endian; save it on another machine', { file });
  const saved = parsePickleAt(file, bytes, machine.end);
  const { value: keys, end } = parsePickleAt(file, bytes, saved.end);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string'))
    throw new CheckpointError('it does not list its storages', { file });
  return { ...saved, keys: keys as string[], end };
}

/** A value of a pickle that should have been a number; lists of lists could be endless as text. */
function describe(value: PickleValue): string {
  return typeof value === 'number' ? String(value) : 'no number';
}

/** First byte of each storage's elements, by key. */
async function locateStorages(
  source: ByteSource,
  storages: ReadonlyMap<string, PickleStorage>,
  keys: readonly string[],
  begin: number,
): Promise<Map<string, number>> {
  const file = source.name;
  const starts = new Map<string, number>();
  let offset = begin;
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || starts.has(key))
      throw new CheckpointError(`it lists a storage ${storage ? 'twice' : 'that no tensor uses'}`, {
        file,
        offset,
      });
    const byteLength = storage.count * bytesPerElement[storage.dtype];
    if (!(offset + countBytes + byteLength <= source.byteLength))
      throw new CheckpointError('it ends within a storage; fetch it again', { file, offset });
    const count = new DataView((await source.read(offset, countBytes)).buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.count))
      throw new CheckpointError(`a storage has ${count} elements, its tensors expect ${storage.count}`, {
        file,
        offset,
      });
    starts.set(key, offset + countBytes);
    offset += countBytes + byteLength;
  }
  for (const key of storages.keys())
    if (!starts.has(key)) throw new CheckpointError('it lacks a storage that its tensors use', { file });
  return starts;
}
