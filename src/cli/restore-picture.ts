/** From a picture as it was read to its restoration, of the same shape. */

import { pixelsToTensor, tensorToPixels } from '../image/pixel-tensor.ts';
import { type BytePixels, toBytePixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import type { ImageFile } from '../platform/node/image-file.ts';
import type { RestoreOptions, Restorer } from '../restore/restorer.ts';
import { cutWindow, toSquareFace } from '../restore/square-face.ts';

export interface RestoredPicture {
  readonly pixels: BytePixels;
  /** the input at the size of the result */
  readonly input: BytePixels;
  /** one channel, the size of the result; absent where the input is opaque */
  readonly alpha?: BytePixels;
  /** what the user should know of the input */
  readonly notes: readonly string[];
}

/**
 * Restores one picture; its longer side becomes the model's size.
 * @throws {RangeError} if it is far from square
 */
export async function restorePicture(
  image: ImageFile,
  restorer: Restorer,
  options: RestoreOptions,
): Promise<RestoredPicture> {
  const { square, window } = toSquareFace(image.pixels, restorer.imageSize);
  const restored = tensorToPixels(await restorer.restore(pixelsToTensor(square), options));
  const size = { width: window.width, height: window.height };
  const notes: string[] = [];
  const { width, height } = image.pixels;
  if (width !== height)
    notes.push(`not square (${width} x ${height}): its edges were repeated for the model and cut off again`);
  if (isGray(square)) notes.push('a gray picture: the result may have colours');
  return {
    pixels: cutWindow(restored, window),
    input: cutWindow(square, window),
    alpha: image.alpha && toBytePixels(resizePixels(image.alpha, size, 'bilinear')),
    notes,
  };
}

/** Conversions between colour spaces may leave channels this far apart. */
const largestGraySpread = 2;

function isGray({ data }: BytePixels): boolean {
  for (let i = 0; i < data.length; i += 3) {
    const spread =
      Math.max(data[i]!, data[i + 1]!, data[i + 2]!) - Math.min(data[i]!, data[i + 1]!, data[i + 2]!);
    if (spread > largestGraySpread) return false;
  }
  return true;
}

/** Two pictures of one size as one, left and right. */
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
