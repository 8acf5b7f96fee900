import { describe, expect, it } from 'vitest';
import { topologicalOrder } from '../graph/graph.ts';
import { add, concat, input, reduceSum, relu, sigmoid, slice } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { RandomStream } from '../random/random-stream.ts';
import { bytesOf, cutIntoSegments } from './segments.ts';

/** A graph of some sixty values of many sizes, with uses near and far. */
function randomGraph(seed: number): Value[] {
  const stream = new RandomStream(seed);
  const below = (count: number): number => Math.floor(stream.uniform() * count);
  const values: Value[] = [relu(input('x', [64]))];
  for (let i = 0; i < 60; i++) {
    const recent = values[values.length - 1 - below(Math.min(3, values.length))]!;
    const any = values[below(values.length)]!;
    const length = recent.shape[0]!;
    if (below(4) === 0 && length > 8) values.push(slice(recent, 0, 0, Math.ceil(length / 2)));
    else if (below(3) === 0 && length + any.shape[0]! < 500) values.push(concat([recent, any], 0));
    else if (any.shape[0] === length) values.push(add(recent, any));
    else values.push(sigmoid(recent));
  }
  return [reduceSum(values.at(-1)!)];
}

/** Bytes computed before position `at` of the order that something from there on reads. */
function bytesAcross(order: readonly Value[], at: number): number {
  const later = order.slice(at);
  return order
    .slice(0, at)
    .filter((value) => later.some(({ inputs }) => inputs.includes(value)))
    .reduce((sum, value) => sum + bytesOf(value), 0);
}

describe('segments', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('fit, and are cut where the fewest bytes cross (graph %d)', (seed) => {
    const outputs = randomGraph(seed);
    const limit = 3000;
    const { segments, segmentOf } = cutIntoSegments(outputs, limit);
    const order = topologicalOrder(outputs).filter(({ inputs }) => inputs.length > 0);
    expect(segments.flat()).toEqual(order);
    expect(segments.length).toBeGreaterThan(1);
    let start = 0;
    for (const [number, segment] of segments.entries()) {
      for (const value of segment) expect(segmentOf.get(value)).toBe(number);
      const bytes = segment.reduce((sum, value) => sum + bytesOf(value), 0);
      if (segment.length > 1) expect(bytes).toBeLessThanOrEqual(limit);
      // The furthest that would have fitted.
      let furthest = start;
      for (let sum = 0; furthest < order.length; furthest++) {
        sum += bytesOf(order[furthest]!);
        if (sum > limit && furthest > start) break;
      }
      const cut = start + segment.length;
      if (furthest === order.length) expect(cut).toBe(order.length);
      else {
        const candidates = order
          .map((_, at) => at)
          .filter((at) => at > start + (furthest - start) / 2 && at <= furthest);
        expect(candidates).toContain(cut);
        const fewest = Math.min(...candidates.map((at) => bytesAcross(order, at)));
        expect(bytesAcross(order, cut)).toBe(fewest);
        // The latest of the best: fewer segments.
        expect(candidates.filter((at) => bytesAcross(order, at) === fewest).at(-1)).toBe(cut);
      }
      start = cut;
    }
  });

  it('are one where everything fits, and one for each value where nothing does', () => {
    const outputs = randomGraph(9);
    const order = topologicalOrder(outputs).filter(({ inputs }) => inputs.length > 0);
    expect(cutIntoSegments(outputs, Number.POSITIVE_INFINITY).segments).toEqual([order]);
    expect(cutIntoSegments(outputs, 0).segments).toEqual(order.map((value) => [value]));
  });
});
