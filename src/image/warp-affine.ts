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

/** Steps a pixel is divided into for interpolation. */
const STEPS = 32;
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
  const count = region.width * region.height * channels;
  const output = bytes ? new Uint8Array(count) : new Float32Array(count);
  // Contribution of the column to the coordinates; rounded by itself, as OpenCV's table of it is.
  const columnX = new Int32Array(region.width);
  const columnY = new Int32Array(region.width);
  for (let i = 0; i < region.width; i++) {
    columnX[i] = roundHalfEven(a * (region.x + i) * UNITS);
    columnY[i] = roundHalfEven(d * (region.x + i) * UNITS);
  }
  const read = (x: number, y: number, channel: number): number =>
    x >= 0 && x < width && y >= 0 && y < height
      ? data[(y * width + x) * channels + channel]!
      : border[channel]!;

  let to = 0;
  for (let row = 0; row < region.height; row++) {
    const rowX = roundHalfEven((b * (region.y + row) + c) * UNITS) + HALF_STEP;
    const rowY = roundHalfEven((e * (region.y + row) + f) * UNITS) + HALF_STEP;
    for (let i = 0; i < region.width; i++) {
      const stepX = Math.floor((rowX + columnX[i]!) / STEPS);
      const stepY = Math.floor((rowY + columnY[i]!) / STEPS);
      const x = Math.floor(stepX / STEPS);
      const y = Math.floor(stepY / STEPS);
      const right = stepX - x * STEPS;
      const below = stepY - y * STEPS;
      const inside = x >= 0 && x < width - 1 && y >= 0 && y < height - 1;
      for (let channel = 0; channel < channels; channel++, to++) {
        let topLeft: number;
        let topRight: number;
        let bottomLeft: number;
        let bottomRight: number;
        if (inside) {
          const at = (y * width + x) * channels + channel;
          topLeft = data[at]!;
          topRight = data[at + channels]!;
          bottomLeft = data[at + width * channels]!;
          bottomRight = data[at + (width + 1) * channels]!;
        } else {
          topLeft = read(x, y, channel);
          topRight = read(x + 1, y, channel);
          bottomLeft = read(x, y + 1, channel);
          bottomRight = read(x + 1, y + 1, channel);
        }
        const top = topLeft * (STEPS - right) + topRight * right;
        const bottom = bottomLeft * (STEPS - right) + bottomRight * right;
        const value = (top * (STEPS - below) + bottom * below) / STEPS ** 2;
        output[to] = bytes ? Math.floor(value + 0.5) : value;
      }
    }
  }
  return { width: region.width, height: region.height, channels, data: output };
}
