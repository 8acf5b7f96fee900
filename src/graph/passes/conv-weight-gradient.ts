/** A convolution's weight gradient as matrix products, one a kernel tap: far faster than one convolution with swapped axes. */
import { concat, matmul, pad, reduceSum, reshape, slice, transpose } from '../ops.ts';
import type { Value } from '../value.ts';

/**
 * dW[o, c, t] = Σ_n,p dy[n, o, p]·x[n, c, p·stride + t·dilation − pad], tap by tap.
 * @param value inputs x [N, C, …] and dy [N, O, …]; gives [O, C/groups, …kernel]
 */
export function expandConvWeightGradient(value: Value<'ConvWeightGradient'>): Value {
  const [x, gradient] = value.inputs as [Value, Value];
  const { kernel, strides, pads, dilations, groups } = value.attributes;
  const rank = kernel.length;
  const [batch, outChannels, ...outSpatial] = gradient.shape as [number, number, ...number[]];
  const channels = x.shape[1]!;
  const positions = outSpatial.reduce((product, extent) => product * extent, 1);

  const padded = pads.some((p) => p > 0)
    ? pad(x, [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)])
    : x;
  const dy = reshape(gradient, [batch, groups, outChannels / groups, positions]);
  const taps = kernelTaps(kernel).map((tap) => {
    const window = tap.reduce((source, offset, i) => {
      const start = offset * dilations[i]!;
      const end = start + (outSpatial[i]! - 1) * strides[i]! + 1;
      const whole = start === 0 && end === source.shape[i + 2] && strides[i] === 1;
      return whole ? source : slice(source, i + 2, start, end, strides[i]!);
    }, padded);
    const columns = reshape(window, [batch, groups, channels / groups, positions]);
    const perImage = matmul(dy, columns, { transB: true }); // [N, groups, O/groups, C/groups]
    const sum = batch === 1 ? perImage : reduceSum(perImage, [0]);
    return reshape(sum, [1, outChannels, channels / groups]);
  });
  const stacked = taps.length === 1 ? taps[0]! : concat(taps, 0); // [taps, O, C/groups]
  return reshape(transpose(stacked, [1, 2, 0]), [outChannels, channels / groups, ...kernel]);
}

/** All index tuples of a kernel, row-major. */
function kernelTaps(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, extent) => taps.flatMap((tap) => Array.from({ length: extent }, (_, i) => [...tap, i])),
    [[]],
  );
}
