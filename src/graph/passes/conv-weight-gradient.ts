/**
 * A convolution's weight gradient as matrix products: for 3×3 kernels in the domain of Winograd's F(4×4, 3×3), where
 * it takes a quarter of the arithmetic, else one product a kernel tap. Both are far faster than one convolution with
 * swapped axes. A stride becomes channels first: so a kernel has fewer taps, and its windows whole rows.
 */
import { add, concat, conv, makeValue, matmul, pad, reduceSum, reshape, slice, transpose } from '../ops.ts';
import { toSquares } from '../squares.ts';
import type { OpAttributes, Value } from '../value.ts';
import {
  inputTransform,
  kernelGradientTransform,
  outputGradientTransform,
  taps,
  tile,
} from './winograd-matrices.ts';

type Attributes = OpAttributes['ConvWeightGradient'];

/** With fewer channels on either side, copying windows costs less than transforming. */
const minChannels = 16;

/** Gradient with respect to a convolution's weight [O, C/groups, …kernel], of its x [N, C, …] and its output's dy [N, O, …]. */
export function convWeightGradient(
  x: Value,
  dy: Value,
  attributes: Omit<Attributes, 'expand'>,
): Value<'ConvWeightGradient'> {
  return makeValue('ConvWeightGradient', [x, dy], { ...attributes, expand: expandConvWeightGradient });
}

/**
 * dW[o, c, t] = Σ_n,p dy[n, o, p]·x[n, c, p·stride + t·dilation − pad], tap by tap.
 * @param value inputs x [N, C, …] and dy [N, O, …]; gives [O, C/groups, …kernel]
 * @param asOne whether all images of a batch are multiplied at once, however large: as devices with many cores like it
 */
export function expandConvWeightGradient(value: Value<'ConvWeightGradient'>, asOne = false): Value {
  if (suitsWinograd(value)) return byTile(value, asOne);
  return isOfSquares(value.attributes) ? bySquare(value) : byTap(value);
}

/** Whether a kernel consists of whole squares as wide as the stride. */
function isOfSquares({ kernel, strides, dilations, groups }: Attributes): boolean {
  const side = strides[0]!;
  return (
    kernel.length === 2 &&
    side > 1 &&
    strides.every((stride) => stride === side) &&
    kernel.every((extent) => extent % side === 0) &&
    [...dilations, groups].every((one) => one === 1)
  );
}

/** A kernel of k × k at a stride of s is one of k/s × k/s, without a stride, over squares of s × s positions as channels. */
function bySquare({ inputs, attributes }: Value<'ConvWeightGradient'>): Value {
  const [x, gradient] = inputs as [Value, Value];
  const side = attributes.strides[0]!;
  const kernel = attributes.kernel.map((extent) => extent / side);
  const sides = gradient.shape.slice(2).map((extent, axis) => (extent + kernel[axis]! - 1) * side);
  const squares = toSquares(padToSides(x, attributes.pads.slice(0, 2), sides), side);
  const unstrided = { kernel, strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1 };
  const perSquare = byTap(convWeightGradient(squares, gradient, unstrided)); // [O, C·s², k/s, k/s]
  const [outChannels, channels] = [gradient.shape[1]!, x.shape[1]!];
  const split = reshape(perSquare, [outChannels, channels, side, side, ...kernel]);
  return reshape(transpose(split, [0, 1, 4, 2, 5, 3]), [outChannels, channels, ...attributes.kernel]);
}

/** Zeros before x [N, C, H, W], and as many behind it, or as little of it, that its sides become these. */
function padToSides(x: Value, begins: readonly number[], sides: readonly number[]): Value {
  const ends = sides.map((side, axis) => side - begins[axis]! - x.shape[2 + axis]!);
  const pads = [0, 0, ...begins, 0, 0, ...ends.map((end) => Math.max(0, end))];
  const padded = pads.some((extent) => extent > 0) ? pad(x, pads) : x;
  return sides.reduce(
    (kept, side, axis) => (ends[axis]! < 0 ? slice(kept, 2 + axis, 0, side) : kept),
    padded,
  );
}

function suitsWinograd({ inputs, attributes }: Value<'ConvWeightGradient'>): boolean {
  const { kernel, strides, pads, dilations, groups } = attributes;
  return (
    kernel.length === 2 &&
    kernel.every((extent) => extent === 3) &&
    [...strides, ...pads, ...dilations, groups].every((one) => one === 1) &&
    inputs.every(({ shape }) => shape[1]! >= minChannels) &&
    inputs[1]!.shape.slice(2).every((extent) => extent % tile === 0)
  );
}

/** y = Aᵀ[(GwGᵀ) ⊙ (BᵀxB)]A tile by tile, so dW = Gᵀ[Σ (A·dy·Aᵀ) ⊙ (BᵀxB)]G. */
function byTile({ inputs }: Value<'ConvWeightGradient'>, asOne: boolean): Value {
  const [x, dy] = inputs as [Value, Value];
  const [batch, outChannels, height, width] = dy.shape as [number, number, number, number];
  const channels = x.shape[1]!;
  const positions = (height * width) / tile ** 2;
  /** [N, C, H, W] → [C, taps, N·tiles] */
  const toTiles = (image: Value, filters: Value, padding: number): Value => {
    const [count, depth, ...sides] = image.shape as [number, number, number, number];
    const planes = reshape(image, [count * depth, 1, ...sides]);
    const tiles = reshape(conv(planes, filters, undefined, { stride: tile, padding }), [
      count,
      depth,
      taps,
      -1,
    ]);
    return reshape(count === 1 ? tiles : transpose(tiles, [1, 2, 0, 3]), [depth, taps, -1]);
  };
  const product = (gradient: Value, image: Value): Value =>
    makeValue(
      'WinogradKernelProduct',
      [toTiles(gradient, outputGradientTransform, 0), toTiles(image, inputTransform, 1)],
      {},
    );
  // Small images are put in one row; of large ones adding up their products moves less.
  const together = asOne || batch === 1 || positions < Math.max(channels, outChannels);
  const ofImage = (values: Value, n: number): Value => slice(values, 0, n, n + 1);
  const products = together
    ? product(dy, x)
    : Array.from({ length: batch }, (_, n) => product(ofImage(dy, n), ofImage(x, n))).reduce((sum, one) =>
        add(sum, one),
      ); // [taps, O, C]
  const kernels = matmul(reshape(products, [taps, outChannels * channels]), kernelGradientTransform, {
    transA: true,
    transB: true,
  });
  return reshape(kernels, [outChannels, channels, 3, 3]);
}

function byTap(value: Value<'ConvWeightGradient'>): Value {
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
  const products = kernelTaps(kernel).map((tap) => {
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
  const stacked = products.length === 1 ? products[0]! : concat(products, 0); // [taps, O, C/groups]
  return reshape(transpose(stacked, [1, 2, 0]), [outChannels, channels / groups, ...kernel]);
}

/** All index tuples of a kernel, row-major. */
function kernelTaps(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (tuples, extent) => tuples.flatMap((tap) => Array.from({ length: extent }, (_, i) => [...tap, i])),
    [[]],
  );
}
