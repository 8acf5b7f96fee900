/** Bilinear resizing of 8-bit images in OpenCV's whole-number arithmetic, bit for bit. */

import type { BytePixels } from './pixels.ts';
import { roundHalfEven } from './rounding.ts';

/** Weights are whole multiples of 1/2048. */
const WEIGHT_UNITS = 2048;

/**
 * Resizes like `resizePixels` by `bilinear`, but with weights of 11 bits and intermediate results cut to
 * what OpenCV keeps of them, which darkens the result by a tenth of a level on average.
 */
export function resizeBytesBilinear(pixels: BytePixels, width: number, height: number): BytePixels {
  const { channels, data } = pixels;
  const columns = wholeTaps(pixels.width, width);
  const rows = wholeTaps(pixels.height, height);
  const output = new Uint8Array(width * height * channels);
  const mixed = (row: number, left: number, right: number, weightLeft: number, weightRight: number) =>
    // The lower 4 bits are cut.
    (data[row + left]! * weightLeft + data[row + right]! * weightRight) >> 4;
  let to = 0;
  for (let y = 0; y < height; y++) {
    const above = rows.source[2 * y]! * pixels.width * channels;
    const below = rows.source[2 * y + 1]! * pixels.width * channels;
    const weightAbove = rows.weight[2 * y]!;
    const weightBelow = rows.weight[2 * y + 1]!;
    for (let x = 0; x < width; x++) {
      const weightLeft = columns.weight[2 * x]!;
      const weightRight = columns.weight[2 * x + 1]!;
      for (let channel = 0; channel < channels; channel++) {
        const left = columns.source[2 * x]! * channels + channel;
        const right = columns.source[2 * x + 1]! * channels + channel;
        const top = (mixed(above, left, right, weightLeft, weightRight) * weightAbove) >> 16;
        const bottom = (mixed(below, left, right, weightLeft, weightRight) * weightBelow) >> 16;
        output[to++] = (top + bottom + 2) >> 2;
      }
    }
  }
  return { width, height, channels, data: output };
}

/** Two sources for each output position, the edge replicated, with weights in whole units. */
function wholeTaps(from: number, to: number): { source: Int32Array; weight: Int32Array } {
  const source = new Int32Array(2 * to);
  const weight = new Int32Array(2 * to);
  for (let i = 0; i < to; i++) {
    const position = Math.fround((i + 0.5) * (from / to) - 0.5);
    const left = Math.floor(position);
    const outside = left < 0 || left >= from - 1;
    const fraction = outside ? 0 : Math.fround(position - left);
    source[2 * i] = Math.min(from - 1, Math.max(0, left));
    source[2 * i + 1] = Math.min(from - 1, Math.max(0, left + 1));
    weight[2 * i] = roundHalfEven(Math.fround(1 - fraction) * WEIGHT_UNITS);
    weight[2 * i + 1] = roundHalfEven(fraction * WEIGHT_UNITS);
  }
  return { source, weight };
}
