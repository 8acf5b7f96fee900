/** Checkpoint files of every format: recognised by content, read tensor by tensor. */

import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';
import { openLegacyTorch } from './legacy-torch.ts';
import { openSafetensors } from './safetensors.ts';
import { decodeElements } from './tensor-elements.ts';
import type { TensorEntry, TensorFile } from './tensor-entry.ts';
import { openTorchArchive } from './torch-archive.ts';

/** Enough to see the mark of a tar archive. */
const beginningBytes = 512;
const shownBytes = 24;

const zipMark = [0x50, 0x4b, 0x03, 0x04];
/** A zip archive without entries. */
const emptyZipMark = [0x50, 0x4b, 0x05, 0x06];
/** A pickled integer, 0x1950a86a20f9469cfc6c: what torch.save wrote before version 1.6. */
const legacyTorchMark = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const tarMark = [0x75, 0x73, 0x74, 0x61, 0x72];

export interface OpenTensorFileOptions {
  /**
   * For torch archives, names of the dictionary of tensors, best first: `params_ema`, `params`, `state_dict` unless
   * given. Where none is present, the tensors at the top of the file count.
   */
  readonly prefer?: readonly string[];
}

/**
 * Opens a checkpoint: safetensors, or what torch.save writes and wrote. Only headers are read, and nothing in the file
 * is run.
 * @throws {CheckpointError} if it is none of these, or damaged
 */
export async function openTensorFile(
  source: ByteSource,
  { prefer }: OpenTensorFileOptions = {},
): Promise<TensorFile> {
  const beginning = await source.read(0, Math.min(source.byteLength, beginningBytes));
  const has = (mark: readonly number[], at = 0) => mark.every((byte, i) => beginning[at + i] === byte);
  if (has(zipMark) || has(emptyZipMark)) return openTorchArchive(source, prefer);
  if (has(legacyTorchMark, 2)) return openLegacyTorch(source, prefer);
  if (has(tarMark, 257))
    throw new CheckpointError(
      'it is a tar archive, the oldest format of PyTorch; open it in a newer PyTorch and save it again: ' +
        'torch.save(torch.load(old, map_location="cpu", weights_only=True), new)',
      { file: source.name },
    );
  if (beginning[8] === 0x7b) return openSafetensors(source);
  if (source.byteLength === 0)
    throw new CheckpointError('it is empty; check that it was fetched completely', { file: source.name });
  const shown = new TextDecoder('latin1').decode(beginning.subarray(0, shownBytes));
  throw new CheckpointError(
    `it is neither safetensors nor a PyTorch checkpoint; its ${source.byteLength} bytes begin with ` +
      `${quoteName(shown)}; check that it was fetched completely`,
    { file: source.name },
  );
}

/**
 * One tensor, its elements converted to float32 (rounded where float32 cannot hold them) and row-major.
 * The data is the caller's own.
 * @throws {CheckpointError} if the file has no such tensor
 */
export async function readTensor(file: TensorFile, name: string): Promise<HostTensor> {
  const entry = file.tensors.get(name);
  if (!entry)
    throw new CheckpointError(`there is no such tensor among its ${file.tensors.size}`, {
      file: file.source.name,
      key: name,
    });
  const elements = decodeElements(entry.dtype, await file.source.read(entry.offset, entry.byteLength));
  if (entry.rowScales) await scaleRows(elements, file, entry.rowScales);
  return hostTensor(
    entry.shape,
    entry.strides
      ? gather(elements, new Float32Array(elementCount(entry.shape)), entry.shape, entry.strides)
      : elements,
  );
}

/** In place. */
async function scaleRows(elements: Float32Array, file: TensorFile, scales: TensorEntry): Promise<void> {
  const factors = decodeElements(scales.dtype, await file.source.read(scales.offset, scales.byteLength));
  const width = elements.length / factors.length;
  for (const [row, factor] of factors.entries())
    for (let i = row * width; i < (row + 1) * width; i++) elements[i]! *= factor;
}

/**
 * A tensor, or a NumPy array, with all its digits; row-major.
 * @throws {CheckpointError} if the file has neither of that name
 */
export async function readFloat64(
  file: TensorFile,
  name: string,
): Promise<{ readonly shape: readonly number[]; readonly data: Float64Array }> {
  const entry = file.arrays?.get(name) ?? file.tensors.get(name);
  if (!entry)
    throw new CheckpointError('there is no such tensor or array', { file: file.source.name, key: name });
  if ('rowScales' in entry) return toFloat64(await readTensor(file, name));
  const bytes = 'data' in entry ? entry.data : await file.source.read(entry.offset, entry.byteLength);
  const elements =
    entry.dtype === 'float64'
      ? new Float64Array(bytes.slice().buffer)
      : Float64Array.from(decodeElements(entry.dtype, bytes));
  if (!entry.strides) return { shape: entry.shape, data: elements };
  const data = new Float64Array(elementCount(entry.shape));
  gather(elements, data, entry.shape, entry.strides);
  return { shape: entry.shape, data };
}

const toFloat64 = ({ shape, data }: HostTensor) => ({ shape, data: Float64Array.from(data) });

/** Elements in row-major order, from where the strides say they lie. */
function gather<Elements extends Float32Array | Float64Array>(
  elements: Elements,
  values: Elements,
  shape: readonly number[],
  strides: readonly number[],
): Elements {
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < values.length; to++) {
    values[to] = elements[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return values;
}
