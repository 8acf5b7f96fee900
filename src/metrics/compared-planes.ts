/** What two images are compared by: their channels or their luma, without the border. */

import type { Pixels } from '../image/pixels.ts';

export interface ComparisonOptions {
  /** Pixels left out at each edge; default 0. */
  readonly cropBorder?: number;
  /** Compare the luma of BT.601, 16..235, instead of each channel of RGB; gray stays as it is. */
  readonly luma?: boolean;
}

/** The same plane of both images, row by row, values 0..255. */
export interface PlanePair {
  readonly width: number;
  readonly height: number;
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/**
 * The planes of two images; alpha is left out.
 * @throws {RangeError} if the images differ in form, or nothing is left within the border
 */
export function comparedPlanes(a: Pixels, b: Pixels, options: ComparisonOptions = {}): PlanePair[] {
  const { cropBorder = 0, luma = false } = options;
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels)
    throw new RangeError(`Cannot compare an image of ${form(a)} with one of ${form(b)}: they must be alike`);
  const width = a.width - 2 * cropBorder;
  const height = a.height - 2 * cropBorder;
  if (!Number.isInteger(cropBorder) || cropBorder < 0 || width < 1 || height < 1)
    throw new RangeError(`Cannot leave out a border of ${cropBorder} pixels of an image of ${form(a)}`);
  const weights = a.channels === 1 ? [[1]] : luma ? [LUMA_WEIGHTS] : RGB_WEIGHTS;
  return weights.map((channelWeights) => ({
    width,
    height,
    a: mixChannels(a, cropBorder, channelWeights),
    b: mixChannels(b, cropBorder, channelWeights),
  }));
}

/** Luma per unit of R, G and B. Its offset of 16 matters to SSIM, which is not a function of differences. */
const LUMA_WEIGHTS = [65.481 / 255, 128.553 / 255, 24.966 / 255];
const LUMA_OFFSET = 16;
const RGB_WEIGHTS = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

function mixChannels(pixels: Pixels, border: number, weights: readonly number[]): Float64Array {
  const { width, height, channels, data } = pixels;
  const offset = weights === LUMA_WEIGHTS ? LUMA_OFFSET : 0;
  const plane = new Float64Array((width - 2 * border) * (height - 2 * border));
  let to = 0;
  for (let y = border; y < height - border; y++) {
    for (let x = border; x < width - border; x++) {
      const at = (y * width + x) * channels;
      let value = offset;
      for (let c = 0; c < weights.length; c++) value += weights[c]! * data[at + c]!;
      plane[to++] = value;
    }
  }
  return plane;
}

function form({ width, height, channels }: Pixels): string {
  return `${width} x ${height} x ${channels}`;
}
