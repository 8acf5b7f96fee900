import { expect, it } from 'vitest';
import { topologicalOrder } from '../graph.ts';
import {
  add,
  constant,
  conv,
  input,
  leakyRelu,
  mul,
  parameter,
  reduceMean,
  relu,
  transpose,
} from '../ops.ts';
import type { Value } from '../value.ts';
import { shareEqualValues } from './share-equal-values.ts';

const x = input('x', [2, 3, 8, 8]);
const y = input('y', [2, 3, 8, 8]);

it('makes one value of those made alike, however deep they lie', () => {
  const twin = (): Value => reduceMean(mul(relu(add(x, y)), 2));
  const { a, b } = shareEqualValues({ a: twin(), b: add(twin(), twin()) });
  expect(b!.inputs).toEqual([a, a]);
  expect(b!.inputs[0]).toBe(a);
  const operations = topologicalOrder([a!, b!]).filter(({ inputs }) => inputs.length > 0);
  expect(operations).toHaveLength(5);
});

it.each<[string, Value, Value]>([
  ['slopes', leakyRelu(x, 0.1), leakyRelu(x, 0.2)],
  ['axes', reduceMean(x, [1]), reduceMean(x, [2])],
  ['kept axes', reduceMean(x, [2, 3], true), reduceMean(x, [2, 3])],
  ['permutations', transpose(x, [0, 1, 3, 2]), transpose(x, [1, 0, 2, 3])],
  [
    'paddings',
    conv(x, parameter('w', [3, 3, 3, 3]), undefined, { padding: 1, stride: 2 }),
    conv(x, parameter('w', [3, 3, 3, 3]), undefined, { padding: [0, 0, 1, 1], stride: 2 }),
  ],
  ['inputs', relu(x), relu(y)],
  ['orders of inputs', add(x, y), add(y, x)],
  ['operations', add(x, y), mul(x, y)],
  ['numbers', mul(x, 2), mul(x, 3)],
  ['shapes of numbers', constant([1, 2], [1, 2]), constant([2, 1], [1, 2])],
])('keeps values of other %s apart', (_, a, b) => {
  const shared = shareEqualValues({ a, b });
  expect(shared.a).not.toBe(shared.b);
  expect(shared.a.attributes).toEqual(a.attributes);
  expect(shared.b.attributes).toEqual(b.attributes);
});

it('shares constants of one content', () => {
  const { a, b } = shareEqualValues({
    a: mul(x, constant([2, 1, 1, 1], [1, 2])),
    b: mul(x, constant([2, 1, 1, 1], [1, 2])),
  });
  expect(a).toBe(b);
});

it('keeps the leaves themselves, also those of one name', () => {
  const other = input('x', x.shape);
  const { a, b } = shareEqualValues({ a: relu(x), b: relu(other) });
  expect([a!.inputs[0], b!.inputs[0]]).toEqual([x, other]);
  expect(a!.inputs[0]).toBe(x);
  expect(b!.inputs[0]).toBe(other);
});
