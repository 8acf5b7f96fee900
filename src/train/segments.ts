/**
 * Cuts a training graph into segments: the forward pass keeps only what crosses from one segment to another, the
 * backward pass computes the inside of a segment again (Chen et al. 2016, arXiv:1604.06174).
 */
import { topologicalOrder } from '../graph/graph.ts';
import type { Value } from '../graph/value.ts';
import { elementCount } from '../tensor/host-tensor.ts';

/** Bytes of a value in float32. */
export const bytesOf = (value: Value): number => 4 * elementCount(value.shape);

/** Values in the order they are computed, and the number of the segment that computes each; leaves have none. */
interface Segmentation {
  readonly segments: readonly (readonly Value[])[];
  readonly segmentOf: ReadonlyMap<Value, number>;
}

/**
 * Each segment's values take at most `activationBytes` together, if any cut allows it; within that, a cut goes where
 * the fewest bytes cross.
 */
export function cutIntoSegments(outputs: Iterable<Value>, activationBytes: number): Segmentation {
  const order = topologicalOrder(outputs).filter((value) => value.inputs.length > 0);
  const crossing = crossingBytes(order);
  const segments: Value[][] = [];
  let start = 0;
  while (start < order.length) {
    const end = furthestEnd(order, start, activationBytes);
    // A late cut makes few segments: only the second half of what fits is searched.
    let cut = end;
    if (end < order.length)
      for (let i = end; i > start + (end - start) / 2; i--) if (crossing[i]! < crossing[cut]!) cut = i;
    segments.push(order.slice(start, cut));
    start = cut;
  }
  return {
    segments,
    segmentOf: new Map(segments.flatMap((values, segment) => values.map((value) => [value, segment]))),
  };
}

/** For each position in the order, the bytes computed before it that are used from it on. */
function crossingBytes(order: readonly Value[]): number[] {
  const positions = new Map(order.map((value, i) => [value, i]));
  const lastUse = order.map((_, i) => i);
  order.forEach((value, i) => {
    for (const input of value.inputs) {
      const position = positions.get(input);
      if (position !== undefined) lastUse[position] = i;
    }
  });
  const changes = new Float64Array(order.length + 2);
  order.forEach((value, i) => {
    changes[i + 1]! += bytesOf(value);
    changes[lastUse[i]! + 1]! -= bytesOf(value);
  });
  let bytes = 0;
  return [...changes].map((change) => {
    bytes += change;
    return bytes;
  });
}

function furthestEnd(order: readonly Value[], start: number, activationBytes: number): number {
  let bytes = 0;
  let end = start;
  while (end < order.length) {
    bytes += bytesOf(order[end]!);
    if (bytes > activationBytes && end > start) break;
    end += 1;
  }
  return end;
}
