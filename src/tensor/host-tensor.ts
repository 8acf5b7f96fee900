/** Dense row-major tensors in host memory: what goes into and comes out of every network. */

/** Number of elements of a shape; the empty shape is a scalar with one element. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const extent of shape) count *= extent;
  return count;
}

/** `[1, 3, 64, 64]`, as written in errors and reports. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes are the same, extent by extent. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** A float32 tensor in row-major order; `data.length` equals the product of `shape`. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * A host tensor over `data`, without a copy.
 * @throws {RangeError} if `data` does not hold exactly the elements of `shape`
 */
export function hostTensor(shape: readonly number[], data?: Float32Array): HostTensor {
  const count = elementCount(shape);
  const values = data ?? new Float32Array(count);
  if (values.length !== count)
    throw new RangeError(
      `Cannot make a tensor of shape ${formatShape(shape)}: it has ${count} elements, the data ${values.length}`,
    );
  return { shape, data: values };
}

/** A tensor of rank 0. */
export const hostScalar = (value: number): HostTensor => hostTensor([], Float32Array.of(value));

/** Image `index` of a batch, as a batch of one that shares memory with `batch`. */
export function batchItem(batch: HostTensor, index: number): HostTensor {
  const [count = 1, ...rest] = batch.shape;
  if (!Number.isInteger(index) || index < 0 || index >= count)
    throw new RangeError(`Cannot take image ${index} of a batch of ${count}`);
  const size = elementCount(rest);
  return hostTensor([1, ...rest], batch.data.subarray(index * size, (index + 1) * size));
}

/**
 * Relative error ‖a − b‖ / ‖b‖ in double precision; ‖a‖ where b is zero everywhere.
 * NaN or infinity in `a` gives NaN or infinity, so it can never pass a tolerance.
 */
export function relativeError(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(`Cannot compare ${a.length} values with ${b.length} reference values`);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < a.length; i++) {
    const d = a[i]! - b[i]!;
    difference += d * d;
    norm += b[i]! * b[i]!;
  }
  return Math.sqrt(norm > 0 ? difference / norm : difference);
}

/** [B, n]: the same row for every item. */
export function repeatRow(row: Float32Array, batch: number): HostTensor {
  const data = new Float32Array(batch * row.length);
  for (let b = 0; b < batch; b++) data.set(row, b * row.length);
  return hostTensor([batch, row.length], data);
}
