/** Cases for every operation: the shapes it is fed and how it is built. Values and gradients are tested on the same rows. */
import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import * as ops from './ops.ts';
import { convWeightGradient as takeWeightGradient } from './passes/conv-weight-gradient.ts';
import type { OpType, Shape, Value } from './value.ts';

export interface OpCase {
  readonly name: string;
  /** Shapes of the inputs that `build` gets. */
  readonly inputs: readonly Shape[];
  /** Inputs are drawn from (lowest, lowest + 4); −2 unless given. */
  readonly lowest?: number;
  /** Largest error allowed as a part of the largest value, where rounding alone gives more than usual. */
  readonly tolerance?: number;
  /** Ends in the operation that the case is filed under. */
  readonly build: (...inputs: Value[]) => Value;
}

/** Repeatable values spread over (lowest, lowest + 4), with one exact zero where the range holds it. */
export function sampleTensor(shape: Shape, seed: number, lowest = -2): HostTensor {
  let state = 12345 + 7919 * seed;
  const data = Float32Array.from({ length: elementCount(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return lowest + (4 * (state >>> 8)) / 2 ** 24;
  });
  if (data.length > 2 && lowest < 0) data[2] = 0;
  return hostTensor(shape, data);
}

/** A weight about as large as a layer's, so that nothing saturates: {@link sampleTensor} over √fan-in. */
export function sampleWeight(shape: Shape, seed: number): HostTensor {
  const { data } = sampleTensor(shape, seed);
  const fanIn = shape.length > 1 ? data.length / shape[0]! : 1;
  return hostTensor(
    shape,
    data.map((x) => x / Math.sqrt(fanIn)),
  );
}

const row = (name: string, inputs: readonly Shape[], build: OpCase['build'], lowest?: number): OpCase => ({
  name,
  inputs,
  build,
  lowest,
});

const unary = (build: (x: Value) => Value, lowest?: number): OpCase[] => [
  row('of a matrix', [[3, 5]], build, lowest),
];

const binary = (build: (a: Value, b: Value | number) => Value, lowest?: number): OpCase[] => [
  row(
    'of one shape',
    [
      [2, 3],
      [2, 3],
    ],
    build,
    lowest,
  ),
  row(
    'broadcast both ways',
    [
      [2, 1, 4],
      [3, 1],
    ],
    build,
    lowest,
  ),
  row(
    'with a channel vector',
    [
      [2, 3, 2, 2],
      [3, 1, 1],
    ],
    build,
    lowest,
  ),
  row('with a number', [[2, 3]], (x) => build(x, 1.7), lowest),
];

const convTranspose = (
  x: Value,
  w: Value,
  options: ops.ConvOptions & { readonly outputPadding?: number } = {},
): Value => {
  const rank = w.shape.length - 2;
  const outputPadding = Array.from({ length: rank }, () => options.outputPadding ?? 0);
  return ops.makeValue('ConvTranspose', [x, w], { ...ops.convAttributes(rank, options), outputPadding });
};

const convWeightGradient =
  (kernel: readonly number[], options: ops.ConvOptions = {}) =>
  (x: Value, dy: Value): Value =>
    takeWeightGradient(x, dy, { ...ops.convAttributes(kernel.length, options), kernel });

const attend =
  (heads: number, scale?: number) =>
  (q: Value, k: Value, v: Value): Value =>
    ops.attention(q, k, v, heads, scale);

const pooling: readonly [name: string, x: Shape, attributes: Parameters<typeof ops.maxPool>[1]][] = [
  ['by two', [1, 2, 4, 6], { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }],
  ['padded, overlapping', [2, 2, 5, 7], { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ['with unequal sides and pads', [1, 1, 5, 6], { kernel: [2, 3], strides: [1, 2], pads: [0, 1, 1, 2] }],
  ['over one axis', [1, 3, 9], { kernel: [3], strides: [3], pads: [0, 0] }],
];

const reductions = (reduce: typeof ops.reduceSum): OpCase[] => [
  row('over everything', [[2, 3, 4]], (x) => reduce(x)),
  row('over a middle axis', [[2, 3, 4]], (x) => reduce(x, [1])),
  row('over two axes, kept', [[2, 3, 4]], (x) => reduce(x, [0, 2], true)),
  row('over no axis', [[2, 3]], (x) => reduce(x, [])),
];

export const opCases: { readonly [K in OpType]: readonly OpCase[] } = {
  Input: [row('alone', [[2, 3]], (x) => x)],
  Parameter: [row('alone', [], () => ops.parameter('weight', [2, 3]))],
  Constant: [
    row('of a few values', [], () => ops.constant([2, 2], [1, -2, 0.5, 3])),
    row('without axes', [], () => ops.scalar(1.5)),
    row('of many values', [], () => ops.constant([10, 10], sampleTensor([10, 10], 9).data)),
  ],

  Neg: unary(ops.neg),
  Abs: unary(ops.abs),
  Sign: unary(ops.sign),
  Sqrt: unary(ops.sqrt, 0.1),
  Reciprocal: unary(ops.reciprocal, 0.1),
  Exp: unary(ops.exp),
  Log: unary(ops.log, 0.1),
  Erf: unary(ops.erf),
  Sigmoid: unary(ops.sigmoid),
  Tanh: unary(ops.tanh),
  Relu: unary(ops.relu),
  LeakyRelu: unary((x) => ops.leakyRelu(x, 0.2)),
  // One bound at 0, where gradients are not probed.
  Clip: unary((x) => ops.clip(x, 0, 0.55)),
  Silu: unary(ops.silu),
  Gelu: unary(ops.gelu),
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: [...binary(ops.mul), row('as quick GELU', [[2, 3]], ops.quickGelu)],
  Div: binary(ops.div, 0.5),

  MatMul: [
    row(
      'of matrices',
      [
        [3, 4],
        [4, 5],
      ],
      (a, b) => ops.matmul(a, b),
    ),
    row(
      'batched',
      [
        [2, 3, 4],
        [2, 4, 5],
      ],
      (a, b) => ops.matmul(a, b),
    ),
    row(
      'of a batch with a matrix',
      [
        [2, 3, 4],
        [4, 5],
      ],
      (a, b) => ops.matmul(a, b),
    ),
    row(
      'of a matrix with a batch',
      [
        [3, 4],
        [2, 4, 5],
      ],
      (a, b) => ops.matmul(a, b),
    ),
    row(
      'left transposed',
      [
        [4, 3],
        [4, 5],
      ],
      (a, b) => ops.matmul(a, b, { transA: true }),
    ),
    row(
      'right transposed',
      [
        [2, 3, 4],
        [2, 5, 4],
      ],
      (a, b) => ops.matmul(a, b, { transB: true }),
    ),
    row(
      'both transposed',
      [
        [2, 4, 3],
        [2, 5, 4],
      ],
      (a, b) => ops.matmul(a, b, { transA: true, transB: true }),
    ),
    row(
      'of broadcast batches',
      [
        [2, 1, 3, 4],
        [3, 4, 5],
      ],
      (a, b) => ops.matmul(a, b),
    ),
    row(
      'of broadcast batches, transposed',
      [
        [2, 1, 4, 3],
        [3, 5, 4],
      ],
      (a, b) => ops.matmul(a, b, { transA: true, transB: true }),
    ),
    row(
      'of a matrix with a batch, transposed',
      [
        [3, 4],
        [2, 5, 4],
      ],
      (a, b) => ops.matmul(a, b, { transB: true }),
    ),
    row(
      'of a batch with a matrix, transposed',
      [
        [2, 3, 4],
        [5, 4],
      ],
      (a, b) => ops.matmul(a, b, { transB: true }),
    ),
  ],
  Gemm: [
    row(
      'without bias',
      [
        [3, 4],
        [4, 5],
      ],
      (a, b) => ops.gemm(a, b),
    ),
    row('with bias', [[3, 4], [4, 5], [5]], (a, b, c) => ops.gemm(a, b, c)),
    row('right transposed', [[3, 4], [5, 4], [5]], (a, b, c) => ops.gemm(a, b, c, { transB: true })),
    row(
      'both transposed',
      [
        [4, 3],
        [5, 4],
      ],
      (a, b) => ops.gemm(a, b, undefined, { transA: true, transB: true }),
    ),
  ],
  Conv: [
    row('padded by one, batch of two', [[2, 3, 5, 6], [4, 3, 3, 3], [4]], (x, w, b) =>
      ops.conv(x, w, b, { padding: 1 }),
    ),
    row(
      '1×1',
      [
        [1, 3, 4, 5],
        [2, 3, 1, 1],
      ],
      (x, w) => ops.conv(x, w),
    ),
    row(
      'strided, unequal pads',
      [
        [1, 2, 7, 6],
        [3, 2, 3, 3],
      ],
      (x, w) => ops.conv(x, w, undefined, { stride: 2, padding: [0, 0, 1, 1] }),
    ),
    row('dilated', [[1, 2, 9, 8], [2, 2, 3, 3], [2]], (x, w, b) =>
      ops.conv(x, w, b, { dilation: 2, padding: 2 }),
    ),
    row('in two groups', [[1, 4, 5, 5], [6, 2, 3, 3], [6]], (x, w, b) =>
      ops.conv(x, w, b, { groups: 2, padding: 1 }),
    ),
    row(
      'depthwise, strided',
      [
        [2, 3, 6, 6],
        [3, 1, 2, 2],
      ],
      (x, w) => ops.conv(x, w, undefined, { groups: 3, stride: 2 }),
    ),
    row(
      'with an oblong kernel',
      [
        [1, 2, 6, 6],
        [2, 2, 1, 3],
      ],
      (x, w) => ops.conv(x, w, undefined, { padding: [0, 1, 0, 1] }),
    ),
    row('over one axis', [[2, 3, 8], [4, 3, 3], [4]], (x, w, b) =>
      ops.conv(x, w, b, { padding: 1, stride: 2 }),
    ),
  ],
  ConvTranspose: [
    row(
      'plain',
      [
        [1, 2, 3, 4],
        [2, 3, 3, 3],
      ],
      (x, w) => convTranspose(x, w),
    ),
    row(
      'strided, with output padding',
      [
        [2, 2, 3, 4],
        [2, 3, 3, 3],
      ],
      (x, w) => convTranspose(x, w, { stride: 2, padding: 1, outputPadding: 1 }),
    ),
    row(
      'strided, unequal pads',
      [
        [1, 2, 3, 3],
        [2, 2, 3, 3],
      ],
      (x, w) => convTranspose(x, w, { stride: 2, padding: [0, 0, 1, 1] }),
    ),
    row(
      'dilated',
      [
        [1, 2, 4, 4],
        [2, 1, 3, 3],
      ],
      (x, w) => convTranspose(x, w, { dilation: 2, padding: 2 }),
    ),
    row(
      'in two groups',
      [
        [1, 4, 3, 3],
        [4, 3, 2, 2],
      ],
      (x, w) => convTranspose(x, w, { groups: 2, stride: 2 }),
    ),
    row(
      'over one axis',
      [
        [2, 2, 5],
        [2, 3, 4],
      ],
      (x, w) => convTranspose(x, w, { stride: 2, padding: 1 }),
    ),
  ],
  ConvWeightGradient: [
    row(
      'square by square, padded',
      [
        [2, 3, 8, 6],
        [2, 2, 4, 3],
      ],
      convWeightGradient([4, 4], { padding: 1, stride: 2 }),
    ),
    row(
      'square by square, a last row and column unused',
      [
        [1, 3, 7, 10],
        [1, 2, 2, 3],
      ],
      convWeightGradient([3, 3], { stride: 3 }),
    ),
    row(
      'square by square, of unequal sides',
      [
        [1, 2, 8, 8],
        [1, 3, 3, 4],
      ],
      convWeightGradient([4, 2], { stride: 2 }),
    ),
    row(
      'padded by one',
      [
        [1, 3, 5, 6],
        [1, 2, 5, 6],
      ],
      convWeightGradient([3, 3], { padding: 1 }),
    ),
    {
      name: 'tile by tile',
      inputs: [
        [2, 16, 4, 8],
        [2, 17, 4, 8],
      ],
      // Winograd's transforms multiply by up to 8 · 8 and subtract.
      tolerance: 2e-5,
      build: convWeightGradient([3, 3], { padding: 1 }),
    },
    {
      name: 'tile by tile, of more tiles than channels',
      inputs: [
        [2, 16, 16, 20],
        [2, 17, 16, 20],
      ],
      tolerance: 2e-5,
      build: convWeightGradient([3, 3], { padding: 1 }),
    },
    row(
      '1×1, batch of two',
      [
        [2, 3, 4, 4],
        [2, 2, 4, 4],
      ],
      convWeightGradient([1, 1]),
    ),
    row(
      'strided, unequal pads, batch of two',
      [
        [2, 2, 7, 6],
        [2, 3, 3, 3],
      ],
      convWeightGradient([3, 3], { stride: 2, padding: [0, 0, 1, 1] }),
    ),
    row(
      'dilated',
      [
        [1, 2, 8, 9],
        [1, 2, 8, 9],
      ],
      convWeightGradient([3, 3], { dilation: 2, padding: 2 }),
    ),
    row(
      'in two groups',
      [
        [2, 4, 5, 5],
        [2, 6, 5, 5],
      ],
      convWeightGradient([3, 3], { groups: 2, padding: 1 }),
    ),
    row(
      'over one axis',
      [
        [2, 3, 9],
        [2, 4, 4],
      ],
      convWeightGradient([3], { stride: 2 }),
    ),
  ],
  WinogradProduct: [
    row(
      'of six positions',
      [
        [6, 4, 3],
        [3, 6, 5],
      ],
      (u, v) => ops.makeValue('WinogradProduct', [u, v], {}),
    ),
  ],
  WinogradKernelProduct: [
    row(
      'of six positions',
      [
        [4, 6, 5],
        [3, 6, 5],
      ],
      (dy, x) => ops.makeValue('WinogradKernelProduct', [dy, x], {}),
    ),
  ],
  Attention: [
    row(
      'of few scores',
      [
        [2, 5, 12],
        [2, 7, 12],
        [2, 7, 12],
      ],
      attend(3),
    ),
    row(
      'with values of another width',
      [
        [1, 5, 8],
        [1, 4, 8],
        [1, 4, 6],
      ],
      attend(2),
    ),
    row(
      'with a scale',
      [
        [1, 5, 8],
        [1, 4, 8],
        [1, 4, 8],
      ],
      attend(1, 0.125),
    ),
    row(
      'of many scores',
      [
        [1, 4096, 8],
        [1, 256, 8],
        [1, 256, 8],
      ],
      attend(2),
    ),
    row(
      'of many scores, batch of two',
      [
        [2, 16_384, 4],
        [2, 64, 4],
        [2, 64, 4],
      ],
      attend(1, 0.3),
    ),
    row(
      'of one wide head',
      [
        [2, 6, 256],
        [2, 5, 256],
        [2, 5, 256],
      ],
      attend(1),
    ),
    row(
      'of one wide head, more than 1024 queries',
      [
        [2, 1500, 256],
        [2, 3, 256],
        [2, 3, 8],
      ],
      attend(1),
    ),
  ],

  Softmax: [
    row('of a matrix', [[3, 5]], ops.softmax),
    row('of four axes', [[2, 3, 2, 7]], ops.softmax),
    row('of large scores', [[2, 6]], (x) => ops.softmax(ops.add(x, 100))),
  ],
  LayerNormalization: [
    row('of three axes', [[2, 3, 8], [8], [8]], (x, g, b) => ops.layerNormalization(x, g, b, 1e-5)),
    row('with a large epsilon', [[3, 4], [4], [4]], (x, g, b) => ops.layerNormalization(x, g, b, 0.5)),
  ],
  GroupNormalization: [
    row('of images, batch of two', [[2, 6, 3, 4], [6], [6]], (x, g, b) =>
      ops.groupNormalization(x, g, b, 2, 1e-5),
    ),
    row('of one group, large epsilon', [[2, 4, 2, 2], [4], [4]], (x, g, b) =>
      ops.groupNormalization(x, g, b, 1, 0.5),
    ),
    row('of sequences', [[2, 4, 5], [4], [4]], (x, g, b) => ops.groupNormalization(x, g, b, 4, 1e-6)),
  ],

  ReduceSum: reductions(ops.reduceSum),
  ReduceMean: reductions(ops.reduceMean),
  MaxPool: pooling.map(([name, x, attributes]) => row(name, [x], (v) => ops.maxPool(v, attributes))),
  AveragePool: pooling.map(([name, x, attributes]) => row(name, [x], (v) => ops.averagePool(v, attributes))),

  Reshape: [
    row('with what is left', [[2, 3, 4]], (x) => ops.reshape(x, [4, -1])),
    row('to no axes', [[1, 1]], (x) => ops.reshape(x, [])),
  ],
  Transpose: [row('of three axes', [[2, 3, 4]], (x) => ops.transpose(x, [2, 0, 1]))],
  Concat: [
    row(
      'of three',
      [
        [2, 1, 3],
        [2, 4, 3],
        [2, 2, 3],
      ],
      (...parts) => ops.concat(parts, 1),
    ),
    row(
      'along the first axis',
      [
        [1, 2],
        [3, 2],
      ],
      (...parts) => ops.concat(parts, 0),
    ),
  ],
  Gather: [
    row('of rows in another order', [[5, 3]], (table) =>
      ops.gather(table, ops.constant([2, 3], [4, 0, 1, 1, 3, 4])),
    ),
  ],
  Slice: [
    row('of the middle', [[4, 6]], (x) => ops.slice(x, 1, 2, 5)),
    row('of every third', [[3, 8]], (x) => ops.slice(x, 1, 1, 8, 3)),
    row('as the second half', [[2, 6]], (x) => ops.split(x, 1, 2)[1]!),
  ],
  Pad: [
    row('with zeros', [[2, 3]], (x) => ops.pad(x, [1, 0, 0, 2])),
    row('with edges', [[1, 3, 4]], (x) => ops.pad(x, [0, 2, 1, 0, 1, 3], 'edge')),
    row('by reflection', [[1, 4, 5]], (x) => ops.pad(x, [0, 2, 1, 0, 3, 4], 'reflect')),
  ],
  Expand: [
    row('of an extent of one', [[3, 1]], (x) => ops.expand(x, [3, 4])),
    row('by new axes', [[3]], (x) => ops.expand(x, [2, 4, 3])),
  ],
  ResizeNearest: [
    row('twice', [[1, 2, 3, 4]], (x) => ops.resizeNearest(x, [6, 8])),
    row('up by other ratios', [[1, 2, 3, 5]], (x) => ops.resizeNearest(x, [7, 9])),
    row('down', [[2, 1, 8, 7]], (x) => ops.resizeNearest(x, [4, 3])),
    row('along one axis', [[1, 2, 4, 5]], (x) => ops.resizeNearest(x, [4, 8])),
    row('of a sequence', [[1, 2, 5]], (x) => ops.resizeNearest(x, [13])),
  ],
};
