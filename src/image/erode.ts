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
  const ahead = new Float32Array((length + size - 1) * inner);
  for (let o = 0; o < outer; o++) {
    const start = o * length * inner;
    ahead.fill(Number.POSITIVE_INFINITY);
    ahead.set(data.subarray(start, start + length * inner), before * inner);
    let reach = 1;
    for (; 2 * reach <= size; reach *= 2)
      leastOfPairs(ahead, reach * inner, ahead, 0, ahead.length - reach * inner);
    leastOfPairs(ahead, (size - reach) * inner, output, start, length * inner);
  }
  return output;
}

/** output[start + i] = min(values[i], values[i + distance]) for i from 0 to count − 1 */
function leastOfPairs(
  values: Float32Array,
  distance: number,
  output: Float32Array,
  start: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const a = values[i]!;
    const b = values[i + distance]!;
    output[start + i] = a < b ? a : b;
  }
}
