/** Gradients of operations that pick or repeat elements. */
import { elementCount } from '../../tensor/host-tensor.ts';
import {
  add,
  concat,
  constant,
  makeValue,
  matmul,
  mul,
  reduceSum,
  reshape,
  sign,
  slice,
  sub,
  transpose,
} from '../ops.ts';
import type { Value } from '../value.ts';

/**
 * The first maximum of each window gets the whole gradient, as in PyTorch.
 * @throws {RangeError} for padded windows
 */
export function maxPoolGradient(y: Value<'MaxPool'>, dy: Value): Value {
  const { kernel, strides, pads } = y.attributes;
  const x = y.inputs[0]!;
  if (pads.some((p) => p !== 0)) throw new RangeError('A padded MaxPool has no gradient here');
  const [batch, channels, ...windows] = y.shape as [number, number, ...number[]];
  const count = elementCount(kernel);
  const parts: Value[] = [];
  let taken: Value | undefined; // 1 where an earlier tap of the window had the maximum
  for (let tap = 0; tap < count; tap++) {
    let rest = tap;
    const offsets = [...kernel].reverse().map((extent) => {
      const offset = rest % extent;
      rest = (rest - offset) / extent;
      return offset;
    });
    offsets.reverse();
    const candidate = offsets.reduce((source, offset, i) => {
      const end = offset + (windows[i]! - 1) * strides[i]! + 1;
      return slice(source, i + 2, offset, end, strides[i]!);
    }, x);
    const isMaximum = sub(constant([], [1]), sign(sub(y, candidate)));
    const first = taken ? mul(isMaximum, sub(constant([], [1]), taken)) : isMaximum;
    taken = taken ? add(taken, first) : isMaximum;
    parts.push(reshape(mul(dy, first), [batch, channels, 1, ...windows]));
  }
  // One channel a tap, put back at the tap's place by a transposed convolution with one-hot kernels.
  const stacked = reshape(concat(parts, 2), [batch, channels * count, ...windows]);
  const oneHot = new Float32Array(channels * count * count);
  for (let i = 0; i < channels * count; i++) oneHot[i * count + (i % count)] = 1;
  const outputPadding = kernel.map(
    (extent, i) => x.shape[i + 2]! - (strides[i]! * (windows[i]! - 1) + extent),
  );
  return makeValue('ConvTranspose', [stacked, constant([channels * count, 1, ...kernel], oneHot)], {
    strides,
    pads,
    dilations: kernel.map(() => 1),
    groups: channels,
    outputPadding,
  });
}

/** Sums what each source element was copied to, axis by axis. */
export function resizeNearestGradient(y: Value<'ResizeNearest'>, dy: Value): Value {
  const source = y.inputs[0]!.shape;
  return source.reduce((gradient, from, axis) => {
    const to = gradient.shape[axis]!;
    if (from === to) return gradient;
    if (to % from === 0) {
      const { shape } = gradient;
      const apart = reshape(gradient, [...shape.slice(0, axis), from, to / from, ...shape.slice(axis + 1)]);
      return reduceSum(apart, [axis + 1]);
    }
    return sumBySource(gradient, axis, from);
  }, dy);
}

/** For ratios that are no whole number: a product with the 0/1 matrix that says which element came from where. */
function sumBySource(gradient: Value, axis: number, from: number): Value {
  const to = gradient.shape[axis]!;
  const selection = new Float32Array(to * from);
  for (let i = 0; i < to; i++) selection[i * from + Math.floor((i * from) / to)] = 1;
  const last = gradient.shape.length - 1;
  const swap = gradient.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  return transpose(matmul(transpose(gradient, swap), constant([to, from], selection)), swap);
}
