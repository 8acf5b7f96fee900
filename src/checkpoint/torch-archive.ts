/** PyTorch checkpoints: the zip archives that torch.save writes, a pickle beside one entry for each storage. */

import { formatShape } from '../tensor/host-tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';
import { parsePickle } from './pickle.ts';
import { ofKind, type PickleDict, type PickleTensor, type PickleValue } from './pickle-value.ts';
import {
  bytesPerElement,
  maxTensors,
  safeElementCount,
  type TensorEntry,
  type TensorFile,
} from './tensor-entry.ts';
import { openZip, type ZipArchive, type ZipEntry } from './zip-directory.ts';
import { readZipEntry, requireStored, zipDataOffsets } from './zip-entry.ts';

/** Names of the dictionary of tensors, the first present one being taken. Moving averages come first. */
const defaultRecords = ['params_ema', 'params', 'state_dict'];

const maxPickleBytes = 64 * 2 ** 20;
const maxNoteBytes = 64;
const keysInError = 10;

/**
 * Opens a torch archive. Only its directory, its pickle and the headers of the chosen tensors are read.
 * @param prefer names of the dictionary of tensors, best first; where none is present the tensors at the top count
 * @throws {CheckpointError} if it is damaged, holds no tensors, or needs more than tensors
 */
export async function openTorchArchive(
  source: ByteSource,
  prefer: readonly string[] = defaultRecords,
): Promise<TensorFile> {
  const archive = await openZip(source);
  const root = archiveRoot(archive);
  await requireLittleEndian(archive, root);
  const pickle = await readZipEntry(archive, archive.entries.get(`${root}data.pkl`)!, maxPickleBytes);
  const { record, tensors: described } = chooseRecord(source.name, parsePickle(source.name, pickle), prefer);

  const storages = new Map<string, ZipEntry>();
  for (const [key, tensor] of described)
    storages.set(tensor.storage.key, storageEntry(archive, root, key, tensor));
  const offsets = await zipDataOffsets(archive, storages.values());

  const tensors = new Map<string, TensorEntry>();
  for (const [name, tensor] of described) {
    const storageStart = offsets.get(storages.get(tensor.storage.key)!)!;
    tensors.set(name, placeTensor(source.name, name, tensor, storageStart));
  }
  return { source, format: 'torch', tensors, metadata: record === undefined ? {} : { record } };
}

/** The folder of the archive, `name/`; torch.load takes any name. */
function archiveRoot(archive: ZipArchive): string {
  const file = archive.source.name;
  const roots = [...archive.entries.keys()]
    .filter((name) => /^[^/]+\/data\.pkl$/.test(name))
    .map((name) => name.slice(0, name.indexOf('/') + 1));
  const [root] = roots;
  if (root === undefined || roots.length > 1)
    throw new CheckpointError(`the zip archive holds ${roots.length} files data.pkl; torch.save writes one`, {
      file,
    });
  if (archive.entries.has(`${root}constants.pkl`))
    throw new CheckpointError(
      'it is a TorchScript program, which is code; save its state_dict() with torch.save, or take a safetensors ' +
        'file of the same network',
      { file },
    );
  return root;
}

async function requireLittleEndian(archive: ZipArchive, root: string): Promise<void> {
  const note = archive.entries.get(`${root}byteorder`);
  if (!note) return;
  const order = new TextDecoder().decode(await readZipEntry(archive, note, maxNoteBytes));
  if (order !== 'little')
    throw new CheckpointError(
      `its byte order is ${quoteName(order)}; only "little" is supported, save it on another machine`,
      { file: archive.source.name },
    );
}

/** The dictionary of tensors within what was pickled. */
function chooseRecord(
  file: string,
  top: PickleValue,
  prefer: readonly string[],
): { record: string | undefined; tensors: ReadonlyMap<string, PickleTensor> } {
  if (!(top instanceof Map)) throw new CheckpointError('it holds no dictionary of tensors', { file });
  const record = prefer.find((name) => top.get(name) instanceof Map);
  const tensors = tensorsOf(file, record === undefined ? top : (top.get(record) as PickleDict));
  if (tensors.size === 0)
    throw new CheckpointError(
      record === undefined
        ? `it has no tensors at the top and none of ${prefer.join(', ')}; it has ${listKeys(top)}`
        : `its ${quoteName(record)} has no tensors`,
      { file },
    );
  return { record, tensors };
}

function tensorsOf(file: string, dict: PickleDict): ReadonlyMap<string, PickleTensor> {
  const tensors = new Map<string, PickleTensor>();
  for (const [key, value] of dict) {
    const tensor = ofKind('tensor', value);
    if (tensor && typeof key === 'string') tensors.set(key, tensor);
  }
  if (tensors.size > maxTensors)
    throw new CheckpointError(`it has more than ${maxTensors} tensors`, { file });
  return tensors;
}

function listKeys(dict: PickleDict): string {
  const names = [...dict.keys()].slice(0, keysInError).map((key) => quoteName(String(key)));
  return names.length === 0 ? 'nothing' : names.join(', ') + (dict.size > keysInError ? ', …' : '');
}

function storageEntry(archive: ZipArchive, root: string, key: string, { storage }: PickleTensor): ZipEntry {
  const place = { file: archive.source.name, key };
  const entry = archive.entries.get(`${root}data/${storage.key}`);
  if (!entry) throw new CheckpointError(`the archive lacks its storage ${quoteName(storage.key)}`, place);
  requireStored(archive, entry);
  if (storage.count * bytesPerElement[storage.dtype] !== entry.size)
    throw new CheckpointError(
      `its storage of ${storage.count} ${storage.dtype} elements has ${entry.size} bytes`,
      { ...place, offset: entry.headerOffset },
    );
  return entry;
}

/** @param storageStart first byte of its storage in the file */
function placeTensor(
  file: string,
  name: string,
  { storage, storageOffset, shape, strides }: PickleTensor,
  storageStart: number,
): TensorEntry {
  // Shapes that repeat elements (stride 0) could be endless: no tensor may have more elements than its storage.
  const count = safeElementCount(shape) ?? Number.POSITIVE_INFINITY;
  const span = elementSpan(shape, strides);
  if (Math.max(count, storageOffset + span) > storage.count)
    throw new CheckpointError(
      `shape ${formatShape(shape)} with strides ${formatShape(strides)} from element ${storageOffset} does not fit ` +
        `its storage of ${storage.count}; save it as a .contiguous() tensor`,
      { file, key: name },
    );
  const size = bytesPerElement[storage.dtype];
  const entry = {
    name,
    dtype: storage.dtype,
    shape,
    offset: storageStart + storageOffset * size,
    byteLength: span * size,
  };
  return isRowMajor(shape, strides) ? entry : { ...entry, strides };
}

/** Elements from the first to the end of the last; above 2^53 where it cannot be counted exactly. */
function elementSpan(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((span, extent, axis) => span + (extent - 1) * strides[axis]!, 1);
}

/** Whether elements lie one after the other in row-major order. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!;
    if (extent === 0) return true;
    if (extent > 1 && strides[axis] !== expected) return false;
    expected *= extent;
  }
  return true;
}
