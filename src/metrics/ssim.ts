/** Structural similarity. */

import { gaussianWeights } from '../image/gaussian-kernel.ts';
import type { Pixels } from '../image/pixels.ts';
import { type ComparisonOptions, comparedPlanes, type PlanePair } from './compared-planes.ts';

/** Side of the window in pixels, the least that an image must have. */
export const ssimWindow = 11;
const WINDOW = gaussianWeights(ssimWindow, 1.5);
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * SSIM with an 11 x 11 Gaussian window of sigma 1.5, over the windows that lie inside the image, averaged over
 * the channels; 1 for equal images.
 * @throws {RangeError} if the images differ in form, or are smaller than the window within the border
 * @see Wang et al. 2004, doi:10.1109/TIP.2003.819861
 */
export function ssim(a: Pixels, b: Pixels, options?: ComparisonOptions): number {
  const planes = comparedPlanes(a, b, options);
  return planes.reduce((sum, plane) => sum + planeSsim(plane), 0) / planes.length;
}

function planeSsim(plane: PlanePair): number {
  const { width, height, a, b } = plane;
  if (width < WINDOW.length || height < WINDOW.length)
    throw new RangeError(
      `Cannot take the SSIM of ${width} x ${height} pixels: its window is ${WINDOW.length} x ${WINDOW.length}`,
    );
  const mean = (values: Float64Array) => windowMeans(values, width, height);
  const meanA = mean(a);
  const meanB = mean(b);
  const meanAA = mean(a.map((value) => value * value));
  const meanBB = mean(b.map((value) => value * value));
  const meanAB = mean(a.map((value, i) => value * b[i]!));
  let total = 0;
  for (let i = 0; i < meanA.length; i++) {
    const [ma, mb] = [meanA[i]!, meanB[i]!];
    const variances = meanAA[i]! - ma * ma + meanBB[i]! - mb * mb;
    const covariance = meanAB[i]! - ma * mb;
    total += ((2 * ma * mb + C1) * (2 * covariance + C2)) / ((ma * ma + mb * mb + C1) * (variances + C2));
  }
  return total / meanA.length;
}

/** Weighted means of all windows that fit, row by row: [height - 10, width - 10]. */
function windowMeans(values: Float64Array, width: number, height: number): Float64Array {
  const outWidth = width - WINDOW.length + 1;
  const outHeight = height - WINDOW.length + 1;
  const rows = new Float64Array(height * outWidth);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < outWidth; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW.length; k++) sum += WINDOW[k]! * values[y * width + x + k]!;
      rows[y * outWidth + x] = sum;
    }
  const means = new Float64Array(outHeight * outWidth);
  for (let i = 0; i < means.length; i++) {
    let sum = 0;
    for (let k = 0; k < WINDOW.length; k++) sum += WINDOW[k]! * rows[i + k * outWidth]!;
    means[i] = sum;
  }
  return means;
}
