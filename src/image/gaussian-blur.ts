/** Gaussian blur, separably, with the border mirrored about the outermost pixel. */

import { type AxisTaps, applyTaps, emptyTaps } from './axis-taps.ts';
import { gaussianWeights } from './gaussian-kernel.ts';
import { mirror } from './mirror.ts';
import { createPixels, type FloatPixels, type Pixels, toFloatPixels } from './pixels.ts';

/**
 * Blurs each channel with `size` Gaussian taps along each axis, as OpenCV's `GaussianBlur` does on float32.
 * @param size odd
 * @param sigma in pixels; by default what OpenCV derives from the size
 * @throws {RangeError} if the size is not odd, or sigma not positive
 */
export function gaussianBlur(pixels: Pixels, size: number, sigma = sigmaOfSize(size)): FloatPixels {
  const { width, height, channels } = pixels;
  const weights = gaussianWeights(size, sigma);
  const { data } = toFloatPixels(pixels);
  const alongRows = applyTaps(data, mirroredTaps(width, weights), height, width, channels);
  const blurred = applyTaps(alongRows, mirroredTaps(height, weights), 1, height, width * channels);
  return createPixels(width, height, channels, blurred);
}

function sigmaOfSize(size: number): number {
  return 0.3 * ((size - 1) / 2 - 1) + 0.8;
}

function mirroredTaps(length: number, weights: Float64Array): AxisTaps {
  const tapCount = weights.length;
  const radius = (tapCount - 1) / 2;
  const taps = emptyTaps(length, tapCount);
  for (let i = 0; i < length; i++) {
    for (let k = 0; k < tapCount; k++) taps.source[i * tapCount + k] = mirror(i + k - radius, length);
    taps.weight.set(weights, i * tapCount);
  }
  return taps;
}
