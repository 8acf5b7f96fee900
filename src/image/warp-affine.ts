/** Affine warps with OpenCV's arithmetic: coordinates in steps of 1/32 pixel, bilinear between pixels. */

import { type AffineMatrix, invertAffine } from './geometry.ts';
import { checkSize, isBytePixels, type Pixels } from './pixels.ts';
import { roundHalfEven } from './rounding.ts';

/** A rectangle of whole pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A pixel is divided into 2^5 steps for interpolation. */
const STEP_BITS = 5;
const STEPS = 2 ** STEP_BITS;
/** Fixed-point units of a coordinate before it is cut to a step. */
const UNITS = 1024;
const HALF_STEP = UNITS / STEPS / 2;

/**
 * The part `region` of the image that `matrix` makes of `pixels`: OpenCV's `warpAffine`, bilinear with a
 * constant border. Bytes stay bytes, floats floats.
 * @param matrix from coordinates in `pixels` to coordinates of the result
 * @param border value of each channel where the result lies outside `pixels`
 * @throws {RangeError} if the matrix has no inverse, the region is empty, or `border` does not fit the channels
 */
export function warpAffine(
  pixels: Pixels,
  matrix: AffineMatrix,
  region: Region,
  border: readonly number[],
): Pixels {
  const { width, height, channels, data } = pixels;
  checkSize(region.width, region.height);
  if (border.length !== channels)
    throw new RangeError(
      `Cannot warp an image of ${channels} channels: the border has ${border.length} values`,
    );
  const [a, b, c, d, e, f] = invertAffine(matrix);
  const bytes = isBytePixels(pixels);
  const rowLength = width * channels;
  const count = region.width * region.height * channels;
  const output = bytes ? new Uint8Array(count) : new Float32Array(count);
  // Contribution of the column to the coordinates; rounded by itself, as OpenCV's table of it is.
  const columnX = new Int32Array(region.width);
  const columnY = new Int32Array(region.width);
  for (let i = 0; i < region.width; i++) {
    columnX[i] = roundHalfEven(a * (region.x + i) * UNITS);
    columnY[i] = roundHalfEven(d * (region.x + i) * UNITS);
  }
  const source: Source = { width, height, channels, data, border };
  const four = new Float64Array(4 * channels);
  let to = 0;
  for (let row = 0; row < region.height; row++) {
    const rowX = roundHalfEven((b * (region.y + row) + c) * UNITS) + HALF_STEP;
    const rowY = roundHalfEven((e * (region.y + row) + f) * UNITS) + HALF_STEP;
    for (let i = 0; i < region.width; i++) {
      const stepX = (rowX + columnX[i]!) >> STEP_BITS;
      const stepY = (rowY + columnY[i]!) >> STEP_BITS;
      const x = stepX >> STEP_BITS;
      const y = stepY >> STEP_BITS;
      const right = stepX & (STEPS - 1);
      const below = stepY & (STEPS - 1);
      const left = STEPS - right;
      const above = STEPS - below;
      const isInside = x >= 0 && x < width - 1 && y >= 0 && y < height - 1;
      if (!isInside) readFour(source, x, y, four);
      const at = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++, to++) {
        const from = at + channel;
        const top = isInside
          ? data[from]! * left + data[from + channels]! * right
          : four[4 * channel]! * left + four[4 * channel + 1]! * right;
        const bottom = isInside
          ? data[from + rowLength]! * left + data[from + rowLength + channels]! * right
          : four[4 * channel + 2]! * left + four[4 * channel + 3]! * right;
        const value = (top * above + bottom * below) / STEPS ** 2;
        output[to] = bytes ? value + 0.5 : value; // bytes are cut
      }
    }
  }
  return { width: region.width, height: region.height, channels, data: output };
}

interface Source extends Pixels {
  readonly border: readonly number[];
}

/** The pixels at (x, y), to its right, below it, and below to the right, channel after channel. */
function readFour(
  { width, height, channels, data, border }: Source,
  x: number,
  y: number,
  four: Float64Array,
): void {
  for (let channel = 0; channel < channels; channel++)
    for (let corner = 0; corner < 4; corner++) {
      const column = x + (corner & 1);
      const row = y + (corner >> 1);
      const isInside = column >= 0 && column < width && row >= 0 && row < height;
      four[4 * channel + corner] = isInside
        ? data[(row * width + column) * channels + channel]!
        : border[channel]!;
    }
}
