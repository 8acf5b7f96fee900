/** Erosion of a mask: each pixel becomes the least of those around it. */

import { createPixels, type FloatPixels } from './pixels.ts';

/**
 * The least value in a `size` x `size` square around each pixel of a one-channel image: OpenCV's `erode`.
 * A square of even side reaches one further up and left; pixels outside the image do not count.
 * @param size 1 or more
 */
export function erode(mask: FloatPixels, size: number): FloatPixels {
  const { width, height, data } = mask;
  const rows = erodeAxis(data, height, width, 1, size);
  return createPixels(width, height, 1, erodeAxis(rows, 1, height, width, size));
}

/** Running minimum along the middle axis of [outer, length, inner]. */
function erodeAxis(
  data: Float32Array,
  outer: number,
  length: number,
  inner: number,
  size: number,
): Float32Array {
  const before = Math.floor(size / 2);
  const output = new Float32Array(data.length);
  // `ahead[i]` is the minimum over `reach` positions from i on. Two such runs cover any window of up to
  // twice the reach, so doubling the reach finds every window in log2(size) sweeps.
  const padded = length + size - 1;
  const ahead = new Float32Array(padded);
  for (let o = 0; o < outer; o++) {
    for (let n = 0; n < inner; n++) {
      const start = o * length * inner + n;
      ahead.fill(Number.POSITIVE_INFINITY);
      for (let i = 0; i < length; i++) ahead[i + before] = data[start + i * inner]!;
      let reach = 1;
      while (2 * reach <= size) {
        for (let i = 0; i + reach < padded; i++) ahead[i] = Math.min(ahead[i]!, ahead[i + reach]!);
        reach *= 2;
      }
      const rest = size - reach;
      for (let i = 0; i < length; i++) output[start + i * inner] = Math.min(ahead[i]!, ahead[i + rest]!);
    }
  }
  return output;
}
