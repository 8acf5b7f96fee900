/** From what torch.save pickled to the tensors of one dictionary and where their elements lie. */

import { fileLimits } from '../tensor/file-limits.ts';
import { formatShape } from '../tensor/host-tensor.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';
import { ofKind, type PickleDict, type PickleTensor, type PickleValue } from './pickle-value.ts';
import { bytesPerElement, type StoredArray, safeElementCount, type TensorEntry } from './tensor-entry.ts';

/** Names of the dictionary of tensors, the first present one being taken. Moving averages come first. */
export const defaultRecords: readonly string[] = ['params_ema', 'params', 'state_dict'];

const keysInError = 10;

/** A dictionary of what was pickled. */
export interface ChosenRecord {
  /** Its name; absent where the tensors lie at the top. */
  readonly record: string | undefined;
  readonly tensors: ReadonlyMap<string, PickleTensor>;
  readonly arrays: ReadonlyMap<string, StoredArray>;
}

/** The dictionary of tensors, or of arrays, within what was pickled. */
export function chooseRecord(file: string, top: PickleValue, prefer: readonly string[]): ChosenRecord {
  if (!(top instanceof Map)) throw new CheckpointError('it holds no dictionary of tensors', { file });
  const record = prefer.find((name) => top.get(name) instanceof Map);
  const dict = record === undefined ? top : (top.get(record) as PickleDict);
  const [tensors, arrays] = [tensorsOf(file, dict), arraysOf(dict)];
  if (tensors.size === 0 && arrays.size === 0)
    throw new CheckpointError(
      record === undefined
        ? `it has no tensors at the top and none of ${prefer.join(', ')}; it has ${listKeys(top)}`
        : `its ${quoteName(record)} has no tensors`,
      { file },
    );
  return { record, tensors, arrays };
}

function tensorsOf(file: string, dict: PickleDict): ReadonlyMap<string, PickleTensor> {
  const tensors = new Map<string, PickleTensor>();
  for (const [key, value] of dict) {
    const tensor = ofKind('tensor', value);
    if (tensor && typeof key === 'string') tensors.set(key, tensor);
  }
  if (tensors.size > fileLimits.tensors)
    throw new CheckpointError(`it has more than ${fileLimits.tensors} tensors`, { file });
  return tensors;
}

function arraysOf(dict: PickleDict): ReadonlyMap<string, StoredArray> {
  const arrays = new Map<string, StoredArray>();
  for (const [key, value] of dict) {
    const filled = ofKind('array', value)?.filled;
    if (filled && typeof key === 'string') arrays.set(key, filled);
  }
  return arrays;
}

function listKeys(dict: PickleDict): string {
  const names = [...dict.keys()].slice(0, keysInError).map((key) => quoteName(String(key)));
  return names.length === 0 ? 'nothing' : names.join(', ') + (dict.size > keysInError ? ', …' : '');
}

/** @param storageStart first byte of its storage in the file */
export function placeTensor(
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
