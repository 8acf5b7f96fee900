/**
 * Operations that only ONNX Runtime's CPU has kernels for, by ones that every device has: a network whose operations
 * are divided among a device and the processor waits for copies at each.
 */
import { elementCount } from '../../tensor/host-tensor.ts';
import { flipKernel } from '../flip-kernel.ts';
import { rewriteGraph } from '../graph.ts';
import {
  add,
  clip,
  makeValue,
  matmul,
  mul,
  pad,
  reduceMean,
  reduceSum,
  reshape,
  slice,
  softmax,
  transpose,
} from '../ops.ts';
import { fromSquares } from '../squares.ts';
import { isOp, type OpAttributes, type Value } from '../value.ts';
import { expandConvWeightGradient } from './conv-weight-gradient.ts';

/** Replaces operations of that kind; gradients of weights become matrix products first. */
export function usePlainOperators<Name extends string>(
  outputs: Readonly<Record<Name, Value>>,
): Record<Name, Value> {
  const expanded = rewriteGraph(outputs, (value, inputs) =>
    isOp(value, 'ConvWeightGradient')
      ? expandConvWeightGradient(makeValue(value.op, inputs, value.attributes), true)
      : undefined,
  );
  return rewriteGraph(expanded, plainForm);
}

function plainForm(value: Value, inputs: readonly Value[]): Value | undefined {
  const [a, b, c] = inputs as [Value, Value, Value];
  if (isOp(value, 'MatMul')) return plainProduct([a, b], value.attributes);
  if (isOp(value, 'WinogradProduct')) return matmul(a, transpose(b, [1, 0, 2]));
  if (isOp(value, 'WinogradKernelProduct')) {
    const tapsFirst = [a, b].map((tiles) => transpose(tiles, [1, 0, 2]));
    return plainProduct(tapsFirst, { transA: false, transB: true });
  }
  if (isOp(value, 'ReduceSum') || isOp(value, 'ReduceMean')) return plainReduction(value, a);
  if (isOp(value, 'Attention')) return plainAttention([a, b, c], value.attributes);
  if (isOp(value, 'ConvTranspose')) return plainConvTranspose(inputs, value.attributes);
  if (isOp(value, 'Sign')) return clip(mul(a, large), -1, 1);
  return undefined;
}

/** Times this every float32 that has all its digits is at least 1. */
const large = 2 ** 126;

/** Products so long are divided where a device would have few results to work on at once. */
const longProduct = 1024;
/** Results that a device works on at once, about. */
const manyResults = 1 << 19;

/** a·b, whose terms are divided into shares that are added up last, where they are many and the results few. */
function plainProduct([a, b]: readonly Value[], { transA, transB }: OpAttributes['MatMul']): Value {
  const leading = a!.shape.slice(0, -2);
  const [rows, terms] = matrixSides(a!, transA);
  const [, columns] = matrixSides(b!, transB);
  const alike =
    leading.length + 2 === b!.shape.length && leading.every((extent, i) => extent === b!.shape[i]);
  const shares = alike ? sharesOf(terms, elementCount(leading) * rows * columns) : 1;
  if (shares === 1) return matmul(transA ? lastAxesSwapped(a!) : a!, transB ? lastAxesSwapped(b!) : b!);
  const axes = leading.map((_, axis) => axis);
  const n = axes.length;
  const left = transA
    ? transpose(reshape(a!, [...leading, shares, -1, rows]), [...axes, n, n + 2, n + 1])
    : transpose(reshape(a!, [...leading, rows, shares, -1]), [...axes, n + 1, n, n + 2]);
  const right = transB
    ? transpose(reshape(b!, [...leading, columns, shares, -1]), [...axes, n + 1, n + 2, n])
    : reshape(b!, [...leading, shares, -1, columns]);
  return reduceSum(matmul(left, right), [n]);
}

function matrixSides({ shape }: Value, swapped: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return swapped ? [columns, rows] : [rows, columns];
}

function sharesOf(terms: number, results: number): number {
  let shares = 1;
  while (
    terms % (2 * shares) === 0 &&
    terms / (2 * shares) >= longProduct / 4 &&
    results * shares < manyResults
  )
    shares *= 2;
  return terms > longProduct ? shares : 1;
}

/** Axis by axis from the last, where each result is one of many values. */
function plainReduction(value: Value<'ReduceSum' | 'ReduceMean'>, x: Value): Value | undefined {
  const { axes, keepDims } = value.attributes;
  if (axes.length < 2 || elementCount(x.shape) < elementCount(value.shape) * longProduct) return undefined;
  const ofAxis = value.op === 'ReduceSum' ? reduceSum : reduceMean;
  const inOrder = [...axes].sort((one, other) => other - one);
  return inOrder.reduce((reduced, axis) => ofAxis(reduced, [axis], keepDims), x);
}

function lastAxesSwapped(x: Value): Value {
  const rank = x.shape.length;
  const leading = Array.from({ length: rank - 2 }, (_, axis) => axis);
  return transpose(x, [...leading, rank - 1, rank - 2]);
}

/** softmax(scale·q·kᵀ)·v, with every score in memory. */
function plainAttention(inputs: readonly Value[], { heads, scale }: OpAttributes['Attention']): Value {
  const [q, k, v] = inputs.map((x) => {
    const [batch, tokens, channels] = x.shape as [number, number, number];
    return transpose(reshape(x, [batch, tokens, heads, channels / heads]), [0, 2, 1, 3]);
  }) as [Value, Value, Value];
  const scores = softmax(mul(matmul(q, lastAxesSwapped(k)), scale)); // [B, heads, S, L]
  const mixed = transpose(matmul(scores, v), [0, 2, 1, 3]);
  return reshape(mixed, [...inputs[0]!.shape.slice(0, 2), -1]);
}

/**
 * All of a stride's positions at once: a convolution whose channels are squares of s × s positions, of which what was
 * padding is cut away.
 */
function plainConvTranspose(
  [x, w, bias]: readonly Value[],
  { strides, pads, dilations, groups, outputPadding }: OpAttributes['ConvTranspose'],
): Value | undefined {
  const [side, again = side] = strides as [number, number?];
  const kernel = w!.shape.slice(2);
  // Others are in no network here.
  if (kernel.length !== 2 || again !== side || dilations.some((one) => one !== 1)) return undefined;
  const squares = kernel.map((extent) => Math.ceil(extent / side));
  const missing = kernel.map((extent, axis) => squares[axis]! * side - extent);
  const [channels, perGroup] = w!.shape as [number, number];
  const whole = pad(w!, [0, 0, 0, 0, 0, 0, ...missing]);
  const split = reshape(whole, [channels, perGroup, squares[0]!, side, squares[1]!, side]);
  const ofSquares = reshape(transpose(split, [0, 1, 3, 5, 2, 4]), [channels, -1, ...squares]);
  const ends = squares.map((extent) => extent - 1);
  const y = makeValue('Conv', [x!, flipKernel(ofSquares, groups)], {
    strides: [1, 1],
    pads: [...ends, ...ends],
    dilations: [1, 1],
    groups,
  });
  const full = fromSquares(y, side);
  const [height, width] = kernel.map((extent, axis) => {
    const covered = side * (x!.shape[axis + 2]! - 1) + extent + outputPadding[axis]!;
    return covered - pads[axis]! - pads[axis + 2]!;
  }) as [number, number];
  const room = [height, width].map((extent, axis) => pads[axis]! + extent - full.shape[axis + 2]!);
  const enough = room.some((extent) => extent > 0)
    ? pad(full, [0, 0, 0, 0, 0, 0, ...room.map((extent) => Math.max(0, extent))])
    : full;
  const rows = slice(enough, 2, pads[0]!, pads[0]! + height);
  const cut = slice(rows, 3, pads[1]!, pads[1]! + width);
  return bias ? add(cut, reshape(bias, [-1, 1, 1])) : cut;
}
