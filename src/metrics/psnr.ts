/** Peak signal-to-noise ratio. */

import type { Pixels } from '../image/pixels.ts';
import { type ComparisonOptions, comparedPlanes } from './compared-planes.ts';

/**
 * 20 log10(255 / √MSE) over all compared values, in dB; infinite for equal images.
 * @throws {RangeError} if the images differ in form, or nothing is left within the border
 */
export function psnr(a: Pixels, b: Pixels, options?: ComparisonOptions): number {
  let squares = 0;
  let count = 0;
  for (const plane of comparedPlanes(a, b, options)) {
    for (let i = 0; i < plane.a.length; i++) squares += (plane.a[i]! - plane.b[i]!) ** 2;
    count += plane.a.length;
  }
  return 20 * Math.log10(255 / Math.sqrt(squares / count));
}
