/** From a picture of one aligned face, as it was read, to its restoration, of the same shape. */

import { isGray, toGray, withColorsOf } from '../../image/gray.ts';
import { paintOpacity, paintWhite } from '../../image/paint.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { type BytePixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { cutWindow, toSquareFace } from '../../image/square-face.ts';
import type { ImageFile } from '../../platform/node/picture/image-file.ts';
import type { PhotoColor } from '../../restore/restore-photo.ts';
import type { RestoreOptions, Restorer } from '../../restore/restorer.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';

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
  /** as large as the picture, above 0 where it is to be filled in: nothing else is replaced */
  readonly paint?: BytePixels;
}

/**
 * Restores one picture; its longer side becomes the model's size. A gray one stays gray.
 * @throws {RangeError} if it is far from square
 */
export async function restorePicture(
  image: ImageFile,
  restorer: Restorer,
  { strength = 1, color = 'auto', paint, ...options }: PictureOptions,
): Promise<RestoredPicture> {
  const { square, window } = toSquareFace(image.pixels, restorer.imageSize);
  const squarePaint = paint && toSquareFace(paint, restorer.imageSize).square;
  const shown = squarePaint
    ? paintWhite(square, squarePaint)
    : color === 'colorize'
      ? toGray(square)
      : square;
  const output = await restorer.restore(pixelsToTensor(shown), options);
  const restored = lay(output, square, strength, squarePaint && paintOpacity(squarePaint).data);
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

/** A share of the model's output over what was there, in places a smaller one. */
function lay(output: HostTensor, square: BytePixels, strength: number, shares?: Float32Array): BytePixels {
  if (strength === 1 && !shares) return tensorToPixels(output);
  const before = pixelsToTensor(square).data;
  const area = square.width * square.height;
  const blended = output.data.map((value, i) => {
    const share = strength * (shares?.[i % area] ?? 1);
    return before[i]! + share * (value - before[i]!);
  });
  return tensorToPixels(hostTensor(output.shape, blended));
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
