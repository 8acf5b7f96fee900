/** Emission: for each operation, the ONNX nodes that compute it, or the values of simpler operations that do. */
import type { OpType, PoolAttributes, Value } from '../value.ts';
import { emitAttention } from './emit-attention.ts';
import { convolution, emitConvolution } from './emit-convolution.ts';
import type { Emitter } from './emitter.ts';

export type EmitRule<K extends OpType> =
  /** Writes nodes and returns the name of the result. */
  | { readonly emit: (emitter: Emitter, inputs: readonly string[], value: Value<K>) => string }
  /** The same value by simpler operations. */
  | { readonly expand: (value: Value<K>) => Value };

type EmitRules = { readonly [K in OpType]: EmitRule<K> };

/** The ONNX node of the operation's own name, without attributes. */
const plain = (op: OpType): { emit: (emitter: Emitter, inputs: readonly string[]) => string } => ({
  emit: (emitter, inputs) => emitter.node(op, inputs),
});

const leaf = {
  emit: (_: Emitter, __: readonly string[], value: Value): string => {
    throw new TypeError(`${value.op} is named where it stands, it has no node`);
  },
};

const pooling = ({ kernel, strides, pads }: PoolAttributes) => ({ kernel_shape: kernel, strides, pads });

const reduction: EmitRule<'ReduceSum' | 'ReduceMean'> = {
  emit: (emitter, [x], { op, attributes: { axes, keepDims } }) =>
    axes.length === 0
      ? emitter.node('Identity', [x!])
      : emitter.node(op, [x!, emitter.integers(axes)], { keepdims: keepDims ? 1 : 0 }),
};

export const emitRules: EmitRules = {
  Input: leaf,
  Parameter: leaf,
  Constant: leaf,
  Neg: plain('Neg'),
  Abs: plain('Abs'),
  Sign: plain('Sign'),
  Sqrt: plain('Sqrt'),
  Reciprocal: plain('Reciprocal'),
  Exp: plain('Exp'),
  Log: plain('Log'),
  Erf: plain('Erf'),
  Sigmoid: plain('Sigmoid'),
  Tanh: plain('Tanh'),
  Relu: plain('Relu'),
  LeakyRelu: {
    emit: (emitter, inputs, { attributes: { alpha } }) =>
      emitter.node('LeakyRelu', inputs, { alpha: { float: alpha } }),
  },
  Clip: {
    emit: (emitter, [x], { attributes: { least, most } }) =>
      emitter.node('Clip', [x!, ...[least, most].map((bound) => emitter.floats([], Float32Array.of(bound)))]),
  },
  // The runtime fuses the pair.
  Silu: { emit: (emitter, [x]) => emitter.node('Mul', [x!, emitter.node('Sigmoid', [x!])]) },
  Gelu: plain('Gelu'),
  Add: plain('Add'),
  Sub: plain('Sub'),
  Mul: plain('Mul'),
  Div: plain('Div'),

  MatMul: {
    emit: (emitter, inputs, { attributes: { transA, transB } }) =>
      transA || transB
        ? emitter.node('FusedMatMul', inputs, { transA: +transA, transB: +transB }, 'com.microsoft')
        : emitter.node('MatMul', inputs),
  },
  Gemm: {
    emit: (emitter, inputs, { attributes: { transA, transB } }) =>
      emitter.node('Gemm', inputs, { transA: +transA, transB: +transB }),
  },
  Conv: { emit: emitConvolution },
  ConvTranspose: {
    emit: (emitter, inputs, { attributes }) =>
      emitter.node('ConvTranspose', inputs, {
        ...convolution(attributes),
        output_padding: attributes.outputPadding,
      }),
  },
  ConvWeightGradient: { expand: (value) => value.attributes.expand(value) },
  WinogradProduct: {
    emit: (emitter, inputs) => emitter.node('FusedMatMul', inputs, { transBatchB: 1 }, 'com.microsoft'),
  },
  WinogradKernelProduct: {
    emit: (emitter, inputs) =>
      emitter.node('FusedMatMul', inputs, { transBatchA: 1, transBatchB: 1, transB: 1 }, 'com.microsoft'),
  },
  Attention: { emit: emitAttention },

  Softmax: { emit: (emitter, inputs) => emitter.node('Softmax', inputs, { axis: -1 }) },
  LayerNormalization: {
    emit: (emitter, inputs, { attributes: { epsilon } }) =>
      emitter.node('LayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } }),
  },
  GroupNormalization: {
    // Instance normalisation of whole groups, then the channels' affine map: faster than ONNX's own operator.
    emit(emitter, [x, gain, bias], { attributes: { groups, epsilon }, shape }) {
      const grouped = emitter.node('Reshape', [x!, emitter.integers([shape[0]!, groups, -1])]);
      const ones = emitter.floats([groups], new Float32Array(groups).fill(1));
      const zeros = emitter.floats([groups], new Float32Array(groups));
      const unit = emitter.node('InstanceNormalization', [grouped, ones, zeros], {
        epsilon: { float: epsilon },
      });
      const normal = emitter.node('Reshape', [unit, emitter.integers(shape)]);
      const perChannel = emitter.integers([-1, ...shape.slice(2).map(() => 1)]); // [C, 1, …]
      const scaled = emitter.node('Mul', [normal, emitter.node('Reshape', [gain!, perChannel])]);
      return emitter.node('Add', [scaled, emitter.node('Reshape', [bias!, perChannel])]);
    },
  },

  ReduceSum: reduction,
  ReduceMean: reduction,
  MaxPool: {
    emit: (emitter, inputs, { attributes }) => emitter.node('MaxPool', inputs, pooling(attributes)),
  },
  AveragePool: {
    emit: (emitter, inputs, { attributes }) => emitter.node('AveragePool', inputs, pooling(attributes)),
  },

  Reshape: {
    emit: (emitter, [x], { attributes: { shape } }) => emitter.node('Reshape', [x!, emitter.integers(shape)]),
  },
  Transpose: {
    emit: (emitter, inputs, { attributes: { perm } }) => emitter.node('Transpose', inputs, { perm }),
  },
  Concat: { emit: (emitter, inputs, { attributes: { axis } }) => emitter.node('Concat', inputs, { axis }) },
  // Indices are float32 like every value here: exact up to 2^24.
  Gather: {
    emit: (emitter, [table, indices]) =>
      emitter.node('Gather', [table!, emitter.node('Cast', [indices!], { to: 7 })], { axis: 0 }),
  },
  Slice: {
    emit: (emitter, [x], { attributes: { axis, start, end, step } }) =>
      emitter.node('Slice', [x!, ...[start, end, axis, step].map((i) => emitter.integers([i]))]),
  },
  Pad: {
    emit: (emitter, [x], { attributes: { pads, mode } }) =>
      emitter.node('Pad', [x!, emitter.integers(pads)], { mode }),
  },
  Expand: {
    emit: (emitter, [x], { attributes: { shape } }) => emitter.node('Expand', [x!, emitter.integers(shape)]),
  },
  ResizeNearest: { emit: emitResizeNearest },
};

/** Resize by whole factors; other ratios gather by index, since Resize's own rounding differs from ⌊i·in/out⌋. */
function emitResizeNearest(
  emitter: Emitter,
  [x]: readonly string[],
  { inputs: [source], attributes: { shape } }: Value<'ResizeNearest'>,
): string {
  const from = source!.shape;
  if (shape.every((extent, axis) => extent % from[axis]! === 0)) {
    const attributes = {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    };
    return emitter.node('Resize', [x!, '', '', emitter.integers(shape)], attributes);
  }
  return shape.reduce((name, extent, axis) => {
    if (extent === from[axis]) return name;
    const indices = Array.from({ length: extent }, (_, i) => Math.floor((i * from[axis]!) / extent));
    return emitter.node('Gather', [name, emitter.integers(indices)], { axis });
  }, x!);
}
