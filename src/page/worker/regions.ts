/** Parts of photos. */

import type { FaceBox } from '../../face/face-detector.ts';
import { type BytePixels, createPixels, type Pixels } from '../../image/pixels.ts';

/** @param region whole pixels within the photo */
export function cutPixels(photo: Pixels, { x, y, width, height }: FaceBox): BytePixels {
  const { channels } = photo;
  const data = new Uint8Array(channels * width * height);
  for (let row = 0; row < height; row++) {
    const from = channels * ((y + row) * photo.width + x);
    data.set(photo.data.subarray(from, from + channels * width), channels * row * width);
  }
  return createPixels(width, height, channels, data);
}
