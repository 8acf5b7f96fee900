/** Bicubic resizing of 8-bit images as Pillow does it, in its whole-number arithmetic. */
import { type BytePixels, checkSize, createPixels } from './pixels.ts';
import type { Size } from './resize.ts';

/** Bits of a weight's fraction. */
const weightBits = 22;
const one = 2 ** weightBits;
/** The cubic kernel reaches two pixels, more where it shrinks. */
const reach = 2;

/** Keys' cubic convolution with a = -0.5. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/**
 * Resizes with antialiasing (the kernel widens where the image shrinks), first along rows, rounded to bytes, then along
 * columns: what torchvision's `Resize` does to a Pillow image.
 * @throws {RangeError} if the size is not of positive integers
 */
export function resizePillowBicubic(pixels: BytePixels, { width, height }: Size): BytePixels {
  checkSize(width, height);
  const { channels } = pixels;
  const narrow = resample(pixels.data, pixels.height, pixels.width, width, channels);
  const data = resample(narrow, 1, pixels.height, height, width * channels);
  return createPixels(width, height, channels, data);
}

/** Resamples the middle axis of [outer, from, inner] bytes. */
function resample(
  data: ArrayLike<number>,
  outer: number,
  from: number,
  to: number,
  inner: number,
): Uint8Array | Uint8ClampedArray {
  const output = new Uint8ClampedArray(outer * to * inner);
  if (from === to) return output.map((_, i) => data[i]!);
  for (let i = 0; i < to; i++) {
    const { first, weights } = tapsOf(i, from, to);
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < inner; k++) {
        let sum = one / 2;
        for (let tap = 0; tap < weights.length; tap++)
          sum += weights[tap]! * data[(o * from + first + tap) * inner + k]!;
        output[(o * to + i) * inner + k] = Math.floor(sum / one);
      }
  }
  return output;
}

/** Sources of output position i and their weights in units of 1/2^22. */
function tapsOf(i: number, from: number, to: number): { first: number; weights: number[] } {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  const centre = (i + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - support + 0.5));
  const end = Math.min(from, Math.trunc(centre + support + 0.5));
  const values = Array.from({ length: end - first }, (_, k) => cubic((k + first - centre + 0.5) / stretch));
  const total = values.reduce((sum, value) => sum + value, 0);
  // Halves are rounded away from zero.
  const weights = values.map((value) => {
    const units = (value / total) * one;
    return Math.trunc(units + (units < 0 ? -0.5 : 0.5));
  });
  return { first, weights };
}
