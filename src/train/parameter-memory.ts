/** One flat array for all tensors of a kind, so that an optimiser goes through them in equal pieces. */
import type { Shape } from '../graph/value.ts';
import type { Tensors } from '../runtime/runtime.ts';
import { elementCount, hostTensor } from '../tensor/host-tensor.ts';

interface FlatTensors {
  /** All elements, tensor after tensor; zeros fill the last piece. */
  readonly data: Float32Array;
  /** Views into `data` by name. */
  readonly tensors: Tensors;
}

/** Zeros for tensors of the given shapes; the array's length is a multiple of `piece`. */
export function flatTensors(shapes: ReadonlyMap<string, Shape>, piece = 1): FlatTensors {
  let count = 0;
  for (const shape of shapes.values()) count += elementCount(shape);
  const data = new Float32Array(Math.ceil(count / piece) * piece);
  let offset = 0;
  const tensors = [...shapes].map(([name, shape]) => {
    const end = offset + elementCount(shape);
    const tensor = hostTensor(shape, data.subarray(offset, end));
    offset = end;
    return [name, tensor] as const;
  });
  return { data, tensors: Object.fromEntries(tensors) };
}
