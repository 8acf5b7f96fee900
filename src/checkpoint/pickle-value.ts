/** What a pickle may hold: plain values and descriptions of tensors. Nothing in it can act. */

import type { StoredArray, TensorDtype } from './tensor-entry.ts';

type PickleKey = string | number | boolean | null;

/** Lists and tuples are arrays, dictionaries are maps, integers beyond 2^53 are bigints. */
export type PickleValue =
  | PickleKey
  | bigint
  | PickleValue[]
  | PickleDict
  | PickleGlobal
  | PickleStorage
  | PickleTensor
  | PickleBytes
  | PickleDtype
  | PickleArray;

export type PickleDict = Map<PickleKey, PickleValue>;

/** One of the few names that a checkpoint may refer to. */
export interface PickleGlobal {
  readonly kind: 'global';
  readonly name: string;
}

/** A block of elements kept outside the pickle, under `key`. */
export interface PickleStorage {
  readonly kind: 'storage';
  readonly dtype: TensorDtype;
  readonly key: string;
  /** Number of elements. */
  readonly count: number;
}

/** A view of a storage; offset and strides in elements. Not yet checked against the storage. */
export interface PickleTensor {
  readonly kind: 'tensor';
  readonly storage: PickleStorage;
  readonly storageOffset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Bytes, such as those of an array. */
export interface PickleBytes {
  readonly kind: 'bytes';
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The type of a NumPy array's elements. */
export interface PickleDtype {
  readonly kind: 'dtype';
  readonly dtype: TensorDtype;
}

/** A NumPy array; a pickle makes it empty first, then fills it. */
export interface PickleArray {
  readonly kind: 'array';
  filled: StoredArray | undefined;
}

/** Numbers from here on are keys as text: a file could choose them so that they all fall into one place of a map. */
const firstLargeKey = 2 ** 16;

/** What a value is as a key of a dictionary, undefined of one that cannot be: tensors have names, their optimisers numbers. */
export function pickleKey(value: PickleValue): PickleKey | undefined {
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < firstLargeKey ? value : `#${value}`;
  return (typeof value === 'object' && value !== null) || typeof value === 'bigint' ? undefined : value;
}

/** The value, if it is of that kind. */
export function ofKind<K extends 'global' | 'storage' | 'tensor' | 'bytes' | 'dtype' | 'array'>(
  kind: K,
  value: PickleValue | undefined,
): Extract<PickleValue, { kind: K }> | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== kind)
    return undefined;
  return value as Extract<PickleValue, { kind: K }>;
}
