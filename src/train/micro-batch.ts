/** Batches in parts, and parts in batches. */
import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { TrainingBatch } from './training-data.ts';

/** Parts of `count` images each; views, not copies. */
export function microBatches({ high, low, whole }: TrainingBatch, count: number): TrainingBatch[] {
  const parts: TrainingBatch[] = [];
  for (let i = 0; i + count <= high.shape[0]!; i += count)
    parts.push({
      high: batchSlice(high, i, count),
      low: batchSlice(low, i, count),
      ...(whole && { whole: batchSlice(whole, i, count) }),
    });
  return parts;
}

function batchSlice({ shape, data }: HostTensor, start: number, count: number): HostTensor {
  const size = elementCount(shape.slice(1));
  return hostTensor([count, ...shape.slice(1)], data.subarray(start * size, (start + count) * size));
}

/** One batch of several, one after another. */
export function joinBatches(tensors: readonly HostTensor[]): HostTensor {
  const [, ...shape] = tensors[0]!.shape;
  const joined = hostTensor([tensors.reduce((sum, tensor) => sum + tensor.shape[0]!, 0), ...shape]);
  let offset = 0;
  for (const { data } of tensors) {
    joined.data.set(data, offset);
    offset += data.length;
  }
  return joined;
}
