/**
 * Winograd convolution as a graph pass: a 3×3 convolution of stride 1 becomes F(4×4, 3×3), 36 products a 4×4 tile
 * instead of 144 a channel pair. Written in plain operations: the input transform is one convolution with fixed
 * filters, the products one batched matrix product, the output transform another product.
 * @see Lavin & Gray 2016, arXiv:1509.09308
 */
import { rewriteGraph } from '../graph.ts';
import { add, concat, conv, makeValue, matmul, reshape, slice, transpose } from '../ops.ts';
import { isOp, type Value } from '../value.ts';
import {
  inputTransform,
  kernelTransform,
  outputTransform,
  taps,
  tile,
  upsampledInputTransform,
} from './winograd-matrices.ts';

export interface WinogradOptions {
  /** Convolutions whose output has a shorter side stay direct. */
  readonly minSide: number;
  /** Most bytes of transformed input at a time: larger images go band by band. */
  readonly bandBytes: number;
}

/** Fewer channels on either side are not worth the transforms. */
const minChannels = 32;

/** Replaces the convolutions that gain by their Winograd form. */
export function useWinograd<Name extends string>(
  outputs: Readonly<Record<Name, Value>>,
  options: WinogradOptions,
): Record<Name, Value> {
  return rewriteGraph(outputs, (value, inputs) => {
    if (!isOp(value, 'Conv') || !gains(value, options)) return undefined;
    const [x, weight, bias] = inputs as [Value, Value, Value?];
    const kernels = transformKernels(weight);
    const images = Array.from({ length: x.shape[0]! }, (_, n) =>
      convolveImage(x.shape[0] === 1 ? x : slice(x, 0, n, n + 1), kernels, options),
    );
    const y = images.length === 1 ? images[0]! : concat(images, 0);
    return bias ? add(y, reshape(bias, [-1, 1, 1])) : y;
  });
}

function gains(
  { inputs: [x, weight], shape, attributes }: Value<'Conv'>,
  { minSide }: WinogradOptions,
): boolean {
  const [outChannels, channels, ...kernel] = weight!.shape as [number, number, ...number[]];
  const { strides, pads, dilations, groups } = attributes;
  return (
    kernel.length === 2 &&
    kernel.every((extent) => extent === 3) &&
    [...strides, ...pads, ...dilations, groups].every((one) => one === 1) &&
    Math.min(channels, outChannels) >= minChannels &&
    shape.slice(2).every((side) => side >= minSide && side % tile === 0) &&
    x!.shape.length === 4
  );
}

/** weight [O, C, 3, 3] → [36, O, C], once for all images of a batch. */
function transformKernels(weight: Value): Value {
  const [outChannels, channels] = weight.shape as [number, number];
  const kernels = reshape(weight, [outChannels * channels, 9]);
  return reshape(matmul(kernelTransform, kernels, { transB: true }), [taps, outChannels, channels]);
}

/** x [1, C, H, W] with transformed kernels u [36, O, C], padded by one → [1, O, H, W]. */
function convolveImage(x: Value, u: Value, { bandBytes }: WinogradOptions): Value {
  const channels = u.shape[2]!;
  // An upsampled image is read through the smaller one.
  const [, , height, width] = x.shape as [number, number, number, number];
  const source = enlargedByTwo(x);
  const read = source
    ? { image: source, filter: upsampledInputTransform, stride: 2, rows: 2, overlap: 1 }
    : { image: x, filter: inputTransform, stride: tile, rows: tile, overlap: 1 };

  const tileRows = height / tile;
  const rowBytes = 4 * taps * channels * (width / tile);
  const bandRows = Math.max(1, Math.floor(bandBytes / rowBytes));
  const bands: Value[] = [];
  for (let first = 0; first < tileRows; first += bandRows) {
    const count = Math.min(bandRows, tileRows - first);
    bands.push(convolveBand(read, u, first, count));
  }
  return bands.length === 1 ? bands[0]! : concat(bands, 2);
}

interface TileReader {
  readonly image: Value;
  readonly filter: Value;
  /** Source pixels from one window to the next. */
  readonly stride: number;
  /** Source rows of a tile. */
  readonly rows: number;
  /** Source rows and columns that a window reads beyond its tile, on each side. */
  readonly overlap: number;
}

/** Tile rows `first` to `first + count`: [1, O, 4·count, W]. */
function convolveBand(read: TileReader, u: Value, first: number, count: number): Value {
  const { image, filter, stride, rows, overlap } = read;
  const [, channels, height, width] = image.shape as [number, number, number, number];
  const outChannels = u.shape[1]!;
  const top = Math.max(0, first * rows - overlap);
  const bottom = Math.min(height, (first + count) * rows + overlap);
  const band = top === 0 && bottom === height ? image : slice(image, 2, top, bottom);
  const padTop = overlap - (first * rows - top);
  const padBottom = overlap - (bottom - (first + count) * rows);

  const planes = reshape(band, [channels, 1, bottom - top, width]);
  const v = conv(planes, filter, undefined, {
    stride,
    padding: [padTop, overlap, padBottom, overlap],
  }); // [C, 36, rows of tiles, columns of tiles]
  const columns = v.shape[3]!;
  const products = makeValue('WinogradProduct', [u, reshape(v, [channels, taps, count * columns])], {});
  const tiles = matmul(outputTransform, reshape(products, [taps, outChannels * count * columns])); // [16, O·P]
  // Two transpositions of one axis each put the rows and columns of tiles back between the tiles.
  const byColumn = transpose(reshape(tiles, [tile, tile, outChannels * count * columns]), [0, 2, 1]);
  const byRow = transpose(reshape(byColumn, [tile, outChannels * count, columns * tile]), [1, 0, 2]);
  return reshape(byRow, [1, outChannels, count * tile, columns * tile]);
}

/** The image that `x` enlarges two times by nearest neighbour, if it does. */
function enlargedByTwo(x: Value): Value | undefined {
  if (!isOp(x, 'ResizeNearest')) return undefined;
  const source = x.inputs[0]!;
  const twice = x.shape.every((extent, axis) => extent === (axis < 2 ? 1 : 2) * source.shape[axis]!);
  return twice ? source : undefined;
}
