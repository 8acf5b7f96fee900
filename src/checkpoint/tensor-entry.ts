/** What a checkpoint holds: named tensors, described by where their bytes lie in the file. */

import type { ByteSource } from './byte-source.ts';

/** Bytes of one element, for each dtype that can be read. */
export const bytesPerElement = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
} as const;

export type TensorDtype = keyof typeof bytesPerElement;

/** One tensor of a checkpoint file. Its range was checked to lie in the file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** First byte of the data in the file. */
  readonly offset: number;
  /** Bytes from `offset` to the end of the last element. */
  readonly byteLength: number;
  /** Elements between neighbours of each axis; present only where the data is not row-major and dense. */
  readonly strides?: readonly number[];
  /** What the elements of each row, along the first axis, are multiplied with: of weights in 8 bits. */
  readonly rowScales?: TensorEntry;
}

/** A NumPy array, whose elements lie in a pickle; little-endian. */
export interface StoredArray {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
  /** Elements between neighbours of each axis; present only where they are not row-major. */
  readonly strides?: readonly number[];
}

/** The tensors of an opened checkpoint file; their data stays in the file until it is read. */
export interface TensorFile {
  readonly source: ByteSource;
  readonly format: 'safetensors' | 'torch';
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** NumPy arrays beside the tensors: statistics and the like, never a network's weights. */
  readonly arrays?: ReadonlyMap<string, StoredArray>;
  /**
   * The file's own notes. For a torch archive `record` names the dictionary that was chosen; it is absent where
   * the tensors lay at the top.
   */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Whether a value from an untrusted file can be an extent, a stride or an offset. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Product of an untrusted shape; undefined where it cannot be counted exactly. */
export function safeElementCount(shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const extent of shape) {
    count *= extent;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}
