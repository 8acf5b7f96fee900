/** Layers with TensorFlow's weight layouts and padding, over NCHW values. Constant folding lays the weights out once. */
import { add, clip, conv, mul, reciprocal, reshape, sqrt, sub, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** TensorFlow's `SAME` padding of a square image, as ONNX's list: outputs ⌈size/stride⌉, the odd pixel at the end. */
export function samePadding(size: number, kernel: number, stride: number): number[] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  const before = Math.floor(total / 2);
  return [before, before, total - before, total - before];
}

/** x [N, in, H, H] with weight [k, k, in, out] → [N, out, ⌈H/stride⌉, ⌈H/stride⌉]. */
export function sameConv(x: Value, weight: Value, stride = 1): Value {
  const padding = samePadding(x.shape[2]!, weight.shape[0]!, stride);
  return conv(x, transpose(weight, [3, 2, 0, 1]), undefined, { stride, padding });
}

/** x [N, C, H, H], each channel with its own filter of weight [k, k, C, 1]. */
export function sameDepthwiseConv(x: Value, weight: Value, stride = 1): Value {
  const padding = samePadding(x.shape[2]!, weight.shape[0]!, stride);
  const groups = x.shape[1]!;
  return conv(x, transpose(weight, [2, 3, 0, 1]), undefined, { stride, padding, groups });
}

/** x [N, C, H, W] plus bias [C]. */
export function addBias(x: Value, bias: Value): Value {
  return add(x, perChannel(bias));
}

interface BatchNormStatistics {
  readonly mean: Value;
  readonly variance: Value;
  readonly gamma: Value;
  readonly beta: Value;
}

/** Batch normalisation of x [N, C, H, W] by stored statistics [C]. */
export function storedBatchNorm(
  x: Value,
  { mean, variance, gamma, beta }: BatchNormStatistics,
  epsilon: number,
): Value {
  const scale = mul(gamma, reciprocal(sqrt(add(variance, epsilon))));
  const shift = sub(beta, mul(mean, scale));
  return add(mul(x, perChannel(scale)), perChannel(shift));
}

/** min(max(x, 0), 6) */
export function relu6(x: Value): Value {
  return clip(x, 0, 6);
}

function perChannel(values: Value): Value {
  return reshape(values, [1, -1, 1, 1]);
}
