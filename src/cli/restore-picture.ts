/** From a picture of one aligned face, as it was read, to its restoration, of the same shape. */

import { isGray, toGray, withColorsOf } from '../image/gray.ts';
import { pixelsToTensor, tensorToPixels } from '../image/pixel-tensor.ts';
import { type BytePixels, toBytePixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import type { ImageFile } from '../platform/node/image-file.ts';
import type { PhotoColor } from '../restore/restore-photo.ts';
import type { RestoreOptions, Restorer } from '../restore/restorer.ts';
import { cutWindow, toSquareFace } from '../restore/square-face.ts';
import { hostTensor } from '../tensor/host-tensor.ts';

export interface RestoredPicture {
  readonly pixels: BytePixels;
  /** the input at the size of the result */
  readonly input: BytePixels;
  /** one channel, the size of the result; absent where the input is opaque */
  readonly alpha?: BytePixels;
  /** what the user should know of the input */
  readonly notes: readonly string[];
}

export interface PictureOptions extends RestoreOptions {
  readonly strength?: number;
  readonly color?: PhotoColor;
}

/**
 * Restores one picture; its longer side becomes the model's size. A gray one stays gray.
 * @throws {RangeError} if it is far from square
 */
export async function restorePicture(
  image: ImageFile,
  restorer: Restorer,
  { strength = 1, color = 'auto', ...options }: PictureOptions,
): Promise<RestoredPicture> {
  const { square, window } = toSquareFace(image.pixels, restorer.imageSize);
  const tensor = pixelsToTensor(square);
  const output = await restorer.restore(tensor, options);
  const blended = output.data.map((value, i) => tensor.data[i]! + strength * (value - tensor.data[i]!));
  const restored = tensorToPixels(strength === 1 ? output : hostTensor(output.shape, blended));
  const gray = color === 'gray' || (color === 'auto' && isGray(square));
  const colored = gray ? toGray(restored) : color === 'keep' ? withColorsOf(restored, square) : restored;
  const size = { width: window.width, height: window.height };
  const notes: string[] = [];
  const { width, height } = image.pixels;
  if (width !== height)
    notes.push(`not square (${width} x ${height}): its edges were repeated for the model and cut off again`);
  return {
    pixels: cutWindow(toBytePixels(colored), window),
    input: cutWindow(square, window),
    alpha: image.alpha && toBytePixels(resizePixels(image.alpha, size, 'bilinear')),
    notes,
  };
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
