import { expect, it } from 'vitest';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import { evaluate } from '../graph/reference-ops.test-support.ts';
import { fromPatches, toPatches } from './patches.ts';

const image = sampleTensor([2, 3, 4, 6], 5);
const x = input('x', image.shape);
const leaves = new Map([['x', image]]);

it('puts the pixels of a patch into channels: color, row, column', () => {
  const patches = evaluate(toPatches(x, 2), leaves);
  expect(patches.shape).toEqual([2, 12, 2, 3]);
  const at = (data: Float32Array, [c, h, w]: number[], n: number, ch: number, y: number, z: number) =>
    data[((n * c! + ch) * h! + y) * w! + z];
  for (const [n, color, row, column] of [
    [0, 0, 0, 0],
    [1, 2, 3, 5],
    [0, 1, 2, 3],
  ] as const)
    expect(
      at(patches.data, [12, 2, 3], n, color * 4 + (row % 2) * 2 + (column % 2), row >> 1, column >> 1),
    ).toBe(at(image.data, [3, 4, 6], n, color, row, column));
});

it('gives the image back', () => {
  expect(evaluate(fromPatches(toPatches(x, 2), 2), leaves)).toEqual(image);
});
