/** Builders: one function per operation, so that networks read as arithmetic. Each returns a new value. */
import { elementCount, hostTensor } from '../tensor/host-tensor.ts';
import { inferRules } from './infer.ts';
import type { ConvAttributes, OpAttributes, OpType, PoolAttributes, Shape, Value } from './value.ts';

/** A value of operation `op`, its shape inferred. */
export function makeValue<K extends OpType>(
  op: K,
  inputs: readonly Value[],
  attributes: OpAttributes[K],
): Value<K> {
  const shapes = inputs.map((input) => input.shape);
  return { op, inputs, attributes, shape: inferRules[op](shapes, attributes) };
}

/** A tensor that is fed at every run. */
export function input(name: string, shape: Shape): Value<'Input'> {
  return { op: 'Input', inputs: [], attributes: { name }, shape };
}

/** A weight by its full name, `network/checkpoint.key`. */
export function parameter(name: string, shape: Shape): Value<'Parameter'> {
  return { op: 'Parameter', inputs: [], attributes: { name }, shape };
}

/** A tensor known now. @throws {RangeError} if the number of values is not that of the shape */
export function constant(shape: Shape, data: Float32Array | readonly number[]): Value<'Constant'> {
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  return { op: 'Constant', inputs: [], attributes: { data: hostTensor(shape, values).data }, shape };
}

/** A constant without axes, []. */
export const scalar = (value: number): Value<'Constant'> => constant([], [value]);

const unary =
  <
    K extends
      | 'Neg'
      | 'Abs'
      | 'Sign'
      | 'Sqrt'
      | 'Reciprocal'
      | 'Exp'
      | 'Log'
      | 'Erf'
      | 'Sigmoid'
      | 'Tanh'
      | 'Relu'
      | 'Silu'
      | 'Gelu'
      | 'Softmax',
  >(
    op: K,
  ) =>
  (x: Value): Value =>
    makeValue<OpType>(op, [x], {});

export const neg = unary('Neg');
export const abs = unary('Abs');
export const sign = unary('Sign');
export const sqrt = unary('Sqrt');
export const reciprocal = unary('Reciprocal');
export const exp = unary('Exp');
export const log = unary('Log');
export const erf = unary('Erf');
export const sigmoid = unary('Sigmoid');
export const tanh = unary('Tanh');
export const relu = unary('Relu');
/** x·σ(x) */
export const silu = unary('Silu');
/** x·Φ(x), exact. */
export const gelu = unary('Gelu');
/** Over the last axis. */
export const softmax = unary('Softmax');
/** x where it is positive, else α·x. */
export const leakyRelu = (x: Value, alpha: number): Value => makeValue('LeakyRelu', [x], { alpha });
/** min(max(x, least), most) */
export const clip = (x: Value, least: number, most: number): Value => makeValue('Clip', [x], { least, most });

const binary =
  <K extends 'Add' | 'Sub' | 'Mul' | 'Div'>(op: K) =>
  (a: Value, b: Value | number): Value =>
    makeValue<OpType>(op, [a, typeof b === 'number' ? scalar(b) : b], {});

export const add = binary('Add');
export const sub = binary('Sub');
export const mul = binary('Mul');
export const div = binary('Div');

/** x·σ(1.702x), CLIP's approximation of GELU. */
export const quickGelu = (x: Value): Value => mul(x, sigmoid(mul(x, 1.702)));

/** a·b over the last two axes, either side transposed first; leading axes broadcast. */
export function matmul(a: Value, b: Value, { transA = false, transB = false } = {}): Value {
  return makeValue('MatMul', [a, b], { transA, transB });
}

/** a [M, K] · b [K, N] + bias [N], either side transposed first. */
export function gemm(a: Value, b: Value, bias?: Value, { transA = false, transB = false } = {}): Value {
  return makeValue('Gemm', bias ? [a, b, bias] : [a, b], { transA, transB });
}

export interface ConvOptions {
  readonly stride?: number;
  /** The same on every side, or ONNX's list: all begins, then all ends. */
  readonly padding?: number | readonly number[];
  readonly dilation?: number;
  readonly groups?: number;
}

/** The attributes of a convolution over `rank` spatial axes. */
export function convAttributes(
  rank: number,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
): ConvAttributes {
  const axes = Array.from({ length: rank });
  return {
    strides: axes.map(() => stride),
    pads: typeof padding === 'number' ? [...axes, ...axes].map(() => padding) : padding,
    dilations: axes.map(() => dilation),
    groups,
  };
}

/** x [N, C, …] with weight [O, C/groups, …] and bias [O], over one or two trailing axes. */
export function conv(x: Value, weight: Value, bias?: Value, options: ConvOptions = {}): Value {
  const attributes = convAttributes(weight.shape.length - 2, options);
  return makeValue('Conv', bias ? [x, weight, bias] : [x, weight], attributes);
}

/** softmax(scale·q·kᵀ)·v per head; q [B, S, heads·D], k [B, L, heads·D], v [B, L, heads·E] → [B, S, heads·E]. */
export function attention(
  q: Value,
  k: Value,
  v: Value,
  heads: number,
  scale = Math.sqrt(heads / q.shape[2]!),
): Value {
  return makeValue('Attention', [q, k, v], { heads, scale });
}

/** Over the last axis; gain and bias [C]. */
export function layerNormalization(x: Value, gain: Value, bias: Value, epsilon: number): Value {
  return makeValue('LayerNormalization', [x, gain, bias], { epsilon });
}

/**
 * Group normalisation: y = (x − μ_g)/√(σ²_g + ε)·γ + β over each of `groups` channel groups of x [N, C, …].
 * @see Wu & He 2018, arXiv:1803.08494
 */
export function groupNormalization(
  x: Value,
  gain: Value,
  bias: Value,
  groups: number,
  epsilon: number,
): Value {
  return makeValue('GroupNormalization', [x, gain, bias], { groups, epsilon });
}

const allAxes = (x: Value): number[] => x.shape.map((_, axis) => axis);
/** Sum over `axes`, all of them unless given; they stay with extent 1 if `keepDims`. */
export function reduceSum(x: Value, axes = allAxes(x), keepDims = false): Value {
  return makeValue('ReduceSum', [x], { axes, keepDims });
}
/** Mean over `axes`, all of them unless given; they stay with extent 1 if `keepDims`. */
export function reduceMean(x: Value, axes = allAxes(x), keepDims = false): Value {
  return makeValue('ReduceMean', [x], { axes, keepDims });
}

/** The largest value of each window over the trailing axes of [N, C, …]; padding is never the largest. */
export const maxPool = (x: Value, attributes: PoolAttributes): Value => makeValue('MaxPool', [x], attributes);
/** Padding does not count towards the mean. */
export const averagePool = (x: Value, attributes: PoolAttributes): Value =>
  makeValue('AveragePool', [x], attributes);

/** One extent may be -1: what is left. */
export function reshape(x: Value, shape: Shape): Value {
  const known = shape.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  const full = shape.map((extent) => (extent === -1 ? elementCount(x.shape) / known : extent));
  return makeValue('Reshape', [x], { shape: full });
}
/** Axis i of the result is axis `perm[i]` of x. */
export const transpose = (x: Value, perm: readonly number[]): Value => makeValue('Transpose', [x], { perm });
/** Values one after another along an axis; their other axes are equal. */
export const concat = (values: readonly Value[], axis: number): Value =>
  makeValue('Concat', values, { axis });
/** Rows of a table [V, C] by index: indices […], whole numbers from 0 to V − 1, give […, C]. */
export const gather = (table: Value, indices: Value): Value => makeValue('Gather', [table, indices], {});
/** Elements start, start + step, … below end, along one axis. */
export function slice(x: Value, axis: number, start: number, end: number, step = 1): Value {
  return makeValue('Slice', [x], { axis, start, end, step });
}
/** `count` equal parts along an axis. */
export function split(x: Value, axis: number, count: number): Value[] {
  const size = x.shape[axis]! / count;
  return Array.from({ length: count }, (_, i) => slice(x, axis, i * size, (i + 1) * size));
}
/** `pads` as in ONNX: begins of all axes, then ends. */
export function pad(
  x: Value,
  pads: readonly number[],
  mode: OpAttributes['Pad']['mode'] = 'constant',
): Value {
  return makeValue('Pad', [x], { pads, mode });
}
/** Repeats x along axes of extent 1 until it has the shape, as NumPy broadcasts. */
export const expand = (x: Value, shape: Shape): Value => makeValue('Expand', [x], { shape });
/** Nearest-neighbour resize of the trailing axes to `sizes`. */
export function resizeNearest(x: Value, sizes: readonly number[]): Value {
  const shape = [...x.shape.slice(0, x.shape.length - sizes.length), ...sizes];
  return makeValue('ResizeNearest', [x], { shape });
}
