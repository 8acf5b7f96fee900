import { expect, it } from 'vitest';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import { evaluate } from '../graph/reference-ops.test-support.ts';
import type { Value } from '../graph/value.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { convLayer } from './layers.ts';
import { parameterScope } from './parameter-scope.ts';
import { fromPatches, patchConv, toPatches } from './patches.ts';

const image = sampleTensor([2, 3, 4, 6], 5);
const x = input('x', image.shape);
const leaves = new Map([['x', image]]);
/** So many channels that patches are cut by transpositions. */
const deepImage = sampleTensor([2, 20, 4, 6], 6);
const deep = input('deep', deepImage.shape);

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
  expect(evaluate(fromPatches(toPatches(deep, 2), 2), new Map([['deep', deepImage]]))).toEqual(deepImage);
});

it('cuts few channels as it cuts many', () => {
  const few = evaluate(toPatches(x, 2), leaves);
  const many = hostTensor(deepImage.shape);
  const area = 4 * 6;
  for (let n = 0; n < 2; n++)
    many.data.set(image.data.subarray(n * 3 * area, (n + 1) * 3 * area), n * 20 * area);
  const patches = evaluate(toPatches(deep, 2), new Map([['deep', many]]));
  for (let n = 0; n < 2; n++)
    expect(patches.data.subarray(n * 20 * area, n * 20 * area + 3 * area)).toEqual(
      few.data.subarray(n * 3 * area, (n + 1) * 3 * area),
    );
});

it('maps patches as a convolution over them does', () => {
  const weights = new Map([
    ['m/weight', sampleTensor([5, 12, 1, 1], 1)],
    ['m/bias', sampleTensor([5], 2)],
  ]);
  const values = (build: (p: ReturnType<typeof parameterScope>) => Value) =>
    evaluate(build(parameterScope('m')), new Map([...leaves, ...weights]));
  const mapped = values((p) => patchConv(p, x, 2, 5));
  const plain = values((p) => convLayer(p, toPatches(x, 2), 5, { kernel: 1 }));
  expect(mapped.shape).toEqual([2, 5, 2, 3]);
  mapped.data.forEach((value, i) => {
    expect(value).toBeCloseTo(plain.data[i]!, 5);
  });
});

it('refuses sides that are no multiples of a patch', () => {
  expect(() => toPatches(x, 4)).toThrow('6 x 4 into patches of 4');
  expect(() => patchConv(parameterScope('m'), x, 4, 5)).toThrow('6 x 4 into patches of 4');
});
