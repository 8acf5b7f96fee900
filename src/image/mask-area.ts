/** Parts of masks: nothing needs to be computed where they are 0. */

import { createPixels, type FloatPixels } from './pixels.ts';
import type { Region } from './warp-affine.ts';

/** A region with `margin` pixels around it, as far as `whole` goes. */
export function regionAround({ x, y, width, height }: Region, margin: number, whole: Region): Region {
  const left = Math.max(x - margin, whole.x);
  const top = Math.max(y - margin, whole.y);
  const right = Math.min(x + width + margin, whole.x + whole.width);
  const bottom = Math.min(y + height + margin, whole.y + whole.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Of a mask that lies at `from`, the part at `to`. */
export function cutRegion(mask: FloatPixels, from: Region, to: Region): FloatPixels {
  const cut = new Float32Array(to.width * to.height);
  for (let row = 0; row < to.height; row++) {
    const start = (to.y - from.y + row) * from.width + to.x - from.x;
    cut.set(mask.data.subarray(start, start + to.width), row * to.width);
  }
  return createPixels(to.width, to.height, 1, cut);
}

/** The part of a mask outside which it is 0, with a pixel around it; empty if it is 0 everywhere. */
export function positiveArea({ width, height, data }: FloatPixels): Region {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (data[y * width + x]! > 0) {
        left = Math.min(left, x);
        right = Math.max(right, x);
        top = Math.min(top, y);
        bottom = y;
      }
  return { x: left - 1, y: top - 1, width: right - left + 3, height: bottom - top + 3 };
}
