/** Two pictures as one. */

import type { BytePixels } from './pixels.ts';

/** Two pictures of one size and as many channels, left and right. */
export function sideBySide(left: BytePixels, right: BytePixels): BytePixels {
  const { width, height, channels } = left;
  const row = width * channels;
  const data = new Uint8Array(2 * row * height);
  for (let y = 0; y < height; y++) {
    data.set(left.data.subarray(y * row, (y + 1) * row), 2 * y * row);
    data.set(right.data.subarray(y * row, (y + 1) * row), (2 * y + 1) * row);
  }
  return { width: 2 * width, height, channels, data };
}
