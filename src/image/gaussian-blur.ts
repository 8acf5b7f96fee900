/** Gaussian blur, separably, with the border mirrored about the outermost pixel. */

import { gaussianWeights } from './gaussian-kernel.ts';
import { mirror } from './mirror.ts';
import { createPixels, type FloatPixels, type Pixels } from './pixels.ts';

/**
 * Blurs each channel with `size` Gaussian taps along each axis, as OpenCV's `GaussianBlur` does on float32.
 * @param size odd
 * @param sigma in pixels; by default what OpenCV derives from the size
 * @throws {RangeError} if the size is not odd, or sigma not positive
 */
export function gaussianBlur(pixels: Pixels, size: number, sigma = sigmaOfSize(size)): FloatPixels {
  const { width, height, channels, data } = pixels;
  const radius = (size - 1) / 2;
  const weights = gaussianWeights(size, sigma).subarray(radius); // from the centre outwards
  const rowLength = width * channels;
  const sums = new Float64Array(rowLength);

  const alongRows = new Float32Array(data.length);
  const line = new Float32Array((width + 2 * radius) * channels);
  for (let y = 0; y < height; y++) {
    for (let i = -radius; i < width + radius; i++) {
      const from = y * rowLength + mirror(i, width) * channels;
      for (let c = 0; c < channels; c++) line[(i + radius) * channels + c] = data[from + c]!;
    }
    sumPairs(sums, line, weights, (reach) => (radius + reach) * channels);
    alongRows.set(sums, y * rowLength);
  }

  const blurred = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    sumPairs(sums, alongRows, weights, (reach) => mirror(y + reach, height) * rowLength);
    blurred.set(sums, y * rowLength);
  }
  return createPixels(width, height, channels, blurred);
}

function sigmaOfSize(size: number): number {
  return 0.3 * ((size - 1) / 2 - 1) + 0.8;
}

/** sums[i] = Σ over the taps of weight · source[start(tap) + i]; taps at the same distance share a weight. */
function sumPairs(
  sums: Float64Array,
  source: Float32Array,
  weights: Float64Array,
  start: (reach: number) => number,
): void {
  const centre = start(0);
  for (let i = 0; i < sums.length; i++) sums[i] = weights[0]! * source[centre + i]!;
  for (let reach = 1; reach < weights.length; reach++) {
    const weight = weights[reach]!;
    const before = start(-reach);
    const after = start(reach);
    for (let i = 0; i < sums.length; i++) sums[i]! += weight * (source[before + i]! + source[after + i]!);
  }
}
