/** Restores a picture of one aligned face as a whole, of whatever size and shape. */

import { paintOpacity } from '../../image/paint.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { type BytePixels, type FloatPixels, toBytePixels } from '../../image/pixels.ts';
import { cutWindow, type PixelWindow, toSquareFace } from '../../image/square-face.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import type { RestoreOptions, Restorer } from '../restorer.ts';
import { checkPhotoOptions, type LayOptions } from './photo-options.ts';
import { atStrength, inColors, restoreCrop, staysGray } from './restore-crop.ts';

export interface PictureOptions extends RestoreOptions, Pick<LayOptions, 'strength' | 'color'> {
  /** as large as the picture, above 0 where it is to be filled in: nothing else is replaced */
  readonly paint?: BytePixels;
}

/** A picture before and after, as the square that the model knows. */
export interface PictureFace {
  readonly crop: BytePixels;
  /** where in the square the picture is; the rest repeats its edge */
  readonly window: PixelWindow;
  /** [1, 3, size, size] in [-1, 1], as the model made it */
  readonly output: HostTensor;
  /** where it replaces what was there; everywhere if absent */
  readonly mask?: FloatPixels;
}

/**
 * The part that takes time: `layPicture` makes the result of it.
 * @throws {RangeError} if the picture is far from square, or as `layPicture`
 */
export async function restorePictureFace(
  picture: BytePixels,
  restorer: Restorer,
  { strength, color = 'auto', paint, ...options }: PictureOptions,
): Promise<PictureFace> {
  checkPhotoOptions(picture, { strength, paint });
  const { square, window } = toSquareFace(picture, restorer.imageSize);
  const squarePaint = paint && toSquareFace(paint, restorer.imageSize).square;
  const output = await restoreCrop(square, restorer, { ...options, color, paint: squarePaint });
  return { crop: square, window, output, ...(squarePaint && { mask: paintOpacity(squarePaint) }) };
}

/**
 * The restored picture; a gray one stays gray.
 * @returns of the picture's shape, its longer side the model's size
 * @throws {RangeError} for a strength outside 0..1
 */
export function layPicture(
  { crop, window, output, mask }: PictureFace,
  { strength = 1, color = 'auto' }: Pick<LayOptions, 'strength' | 'color'> = {},
): BytePixels {
  checkPhotoOptions(crop, { strength });
  const blended = atStrength(pixelsToTensor(crop), output, strength, mask?.data);
  const colored = inColors(tensorToPixels(blended), crop, color, staysGray(crop, color));
  return cutWindow(toBytePixels(colored), window);
}

/** `restorePictureFace`, then `layPicture`. */
export async function restorePicture(
  picture: BytePixels,
  restorer: Restorer,
  options: PictureOptions = {},
): Promise<BytePixels> {
  return layPicture(await restorePictureFace(picture, restorer, options), options);
}
