import { describe, expect, it } from 'vitest';
import { parametersOf, topologicalOrder } from '../graph.ts';
import { type OpCase, opCases, sampleTensor } from '../op-cases.test-support.ts';
import { input, matmul, reduceMean, reduceSum } from '../ops.ts';
import { evaluate } from '../reference-ops.test-support.ts';
import { isOp, type OpType } from '../value.ts';
import { usePlainOperators } from './plain-operators.ts';

/** What only the processor has kernels for. */
const processors: readonly OpType[] = [
  'Attention',
  'ConvTranspose',
  'Sign',
  'WinogradProduct',
  'WinogradKernelProduct',
];

/** Convolutions that no network here has stay as they are. */
const kept = /dilated|over one axis/;

/** Of so many terms that they are divided. */
const long: readonly OpCase[] = [
  {
    name: 'of many terms',
    inputs: [
      [2, 3, 4096],
      [2, 4096, 5],
    ],
    build: (a, b) => matmul(a!, b!),
  },
  {
    name: 'of many terms, both transposed',
    inputs: [
      [4096, 3],
      [5, 4096],
    ],
    build: (a, b) => matmul(a!, b!, { transA: true, transB: true }),
  },
  {
    name: 'of many terms with one factor for all',
    inputs: [
      [2, 3, 4096],
      [4096, 5],
    ],
    build: (a, b) => matmul(a!, b!),
  },
  { name: 'sum of many', inputs: [[2, 3, 32, 64]], build: (x) => reduceSum(x!, [3, 1, 2]) },
  {
    name: 'mean of many, axes kept',
    inputs: [[2, 3, 32, 64]],
    build: (x) => reduceMean(x!, [1, 2, 3], true),
  },
];

const rows = ([...processors, 'MatMul', 'ConvWeightGradient', 'ReduceSum', 'ReduceMean'] as const).flatMap(
  (op) =>
    opCases[op]
      .filter(({ name }) => op !== 'ConvTranspose' || !kept.test(name))
      .map((opCase) => ({ opCase, title: `${op} ${opCase.name}` })),
);
for (const opCase of long) rows.push({ opCase, title: opCase.name });

describe('operations in plain form', () => {
  it.each(rows)('$title', ({ opCase }) => {
    const { inputs, build } = opCase;
    const leaves = new Map(inputs.map((shape, i) => [`x${i}`, sampleTensor(shape, i, opCase.lowest)]));
    const y = build(...inputs.map((shape, i) => input(`x${i}`, shape)));
    for (const [name, { shape }] of parametersOf([y])) leaves.set(name, sampleTensor(shape, 7));
    const plain = usePlainOperators({ y }).y;

    const left = topologicalOrder([plain]).filter(
      (value) =>
        processors.includes(value.op) ||
        isOp(value, 'ConvWeightGradient') ||
        (isOp(value, 'MatMul') && (value.attributes.transA || value.attributes.transB)),
    );
    expect(left.map(({ op }) => op)).toEqual([]);
    expect(plain.shape).toEqual(y.shape);
    const [result, expected] = [evaluate(plain, leaves).data, evaluate(y, leaves).data];
    const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    expected.forEach((value, i) => {
      expect(Math.abs(result[i]! - value)).toBeLessThan(2e-6 * scale + 1e-12);
    });
  });
});

describe('long sums', () => {
  it('are divided into shares for a device to work on at once', () => {
    const { build, inputs } = long[0]!;
    const plain = usePlainOperators({ y: build(...inputs.map((shape, i) => input(`x${i}`, shape))) }).y;
    const terms = topologicalOrder([plain])
      .filter((value) => isOp(value, 'MatMul'))
      .map((value) => value.inputs[0]!.shape.at(-1));
    expect(terms).toEqual([256]);
  });

  it('of axes are taken one after another', () => {
    const plain = usePlainOperators({ y: reduceSum(input('x', [2, 3, 32, 64]), [1, 2, 3]) }).y;
    const axes = topologicalOrder([plain]).flatMap((value) =>
      isOp(value, 'ReduceSum') ? [value.attributes.axes] : [],
    );
    expect(axes).toEqual([[3], [2], [1]]);
  });
});
