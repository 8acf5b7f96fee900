/**
 * NumPy's arrays in pickles: the names they refer to, and what each stands for here. An array is its numbers and its
 * shape; of what else NumPy can pickle (objects, records, other byte orders) nothing is read.
 * @see NumPy, numpy/_core/src/multiarray/methods.c (array_reduce, array_setstate)
 */
import { fileLimits } from '../tensor/file-limits.ts';
import {
  ofKind,
  type PickleArray,
  type PickleBytes,
  type PickleDtype,
  type PickleValue,
} from './pickle-value.ts';
import { bytesPerElement, isCount, safeElementCount, type TensorDtype } from './tensor-entry.ts';

const dtypes: ReadonlyMap<string, TensorDtype> = new Map([
  ['f8', 'float64'],
  ['f4', 'float32'],
  ['f2', 'float16'],
  ['i8', 'int64'],
  ['i4', 'int32'],
  ['i2', 'int16'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['b1', 'bool'],
]);

type Callable = (args: readonly PickleValue[]) => PickleValue | undefined;

/** NumPy's module of arrays has had two names. */
const both = (name: string, call: Callable): [string, Callable][] => [
  [`numpy.core.${name}`, call],
  [`numpy._core.${name}`, call],
];

/** What each callable name makes of its arguments; undefined where they do not suit it. */
export const numpyCallables: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ['_codecs.encode', encode],
  ['numpy.dtype', ([name]) => toDtype(name)],
  ...both('multiarray._reconstruct', reconstruct),
  ...both('multiarray.scalar', scalar),
  ...both('numeric._frombuffer', fromBuffer),
]);

/** Names that are referred to without being called. */
export const numpyNames: ReadonlySet<string> = new Set(['numpy.ndarray']);

/** Bytes as protocol 2 has them: a text of as many characters. */
function encode([text, encoding]: readonly PickleValue[]): PickleBytes | undefined {
  if (typeof text !== 'string' || encoding !== 'latin1') return undefined;
  const data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return undefined;
    data[i] = code;
  }
  return { kind: 'bytes', data };
}

function toDtype(name: PickleValue | undefined): PickleDtype | undefined {
  const dtype = typeof name === 'string' ? dtypes.get(name.replace(/^[<|=]/, '')) : undefined;
  return dtype && { kind: 'dtype', dtype };
}

/** `_reconstruct(numpy.ndarray, (0,), b'b')`: an array that its state fills. */
function reconstruct([type]: readonly PickleValue[]): PickleArray | undefined {
  return ofKind('global', type)?.name === 'numpy.ndarray' ? { kind: 'array', filled: undefined } : undefined;
}

/** `scalar(dtype, bytes)`: a number. */
function scalar([type, value]: readonly PickleValue[]): PickleValue | undefined {
  const [dtype, data] = [ofKind('dtype', type)?.dtype, ofKind('bytes', value)?.data];
  if (dtype === undefined || data?.length !== bytesPerElement[dtype]) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (dtype) {
    case 'float64':
      return view.getFloat64(0, true);
    case 'float32':
      return view.getFloat32(0, true);
    case 'int64':
      return Number(view.getBigInt64(0, true));
    case 'int32':
      return view.getInt32(0, true);
    case 'int16':
      return view.getInt16(0, true);
    case 'int8':
      return view.getInt8(0);
    case 'uint8':
      return view.getUint8(0);
    case 'bool':
      return view.getUint8(0) !== 0;
    default:
      return undefined;
  }
}

/** `_frombuffer(bytes, dtype, shape, order)`, of protocol 5. */
function fromBuffer([value, type, shape, order]: readonly PickleValue[]): PickleArray | undefined {
  const filled = fill(shape, type, order === 'F', value);
  return (order === 'C' || order === 'F') && filled ? { kind: 'array', filled } : undefined;
}

/**
 * Sets the state of a dtype or an array that is being made.
 * @returns whether it suits
 */
export function setNumpyState(target: PickleValue | undefined, state: PickleValue): boolean {
  if (!Array.isArray(state)) return false;
  // (version, byte order, subtype, names, fields, size, alignment, flags)
  if (ofKind('dtype', target))
    return ['<', '|', '='].includes(state[1] as string) && state.slice(2, 5).every((part) => part === null);
  const array = ofKind('array', target);
  if (!array || array.filled) return false;
  // (version, shape, dtype, whether columns come first, bytes)
  const [, shape, type, columnsFirst, value] = state;
  array.filled = fill(shape, type, columnsFirst === true || columnsFirst === 1, value);
  return array.filled !== undefined;
}

function fill(
  shape: PickleValue | undefined,
  type: PickleValue | undefined,
  columnsFirst: boolean,
  value: PickleValue | undefined,
): PickleArray['filled'] {
  const [dtype, data] = [ofKind('dtype', type)?.dtype, ofKind('bytes', value)?.data];
  if (!Array.isArray(shape) || shape.length > fileLimits.rank || !shape.every(isCount) || !dtype || !data)
    return undefined;
  if (safeElementCount(shape) !== data.length / bytesPerElement[dtype]) return undefined;
  const strides: number[] = [];
  let stride = 1;
  for (const extent of shape) {
    strides.push(stride);
    stride *= extent;
  }
  return { dtype, shape: [...shape], data, ...(columnsFirst && shape.length > 1 && { strides }) };
}
