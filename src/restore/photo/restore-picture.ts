/** Restores a picture of one aligned face as a whole, of whatever size and shape. */

import { faceSharpness } from '../../face/sharpness.ts';
import { paintOpacity } from '../../image/paint.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { type BytePixels, type FloatPixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { cutWindow, type PixelWindow, toSquareFace } from '../../image/square-face.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import type { RestoreOptions, Restorer } from '../restorer.ts';
import { isSharpAlready, losesSharpness } from './left-alone.ts';
import { checkPhotoOptions, type LayOptions, type PhotoColor } from './photo-options.ts';
import { atStrength, inColors, restoreCrop, staysGray } from './restore-crop.ts';

export interface PictureOptions extends RestoreOptions, Pick<LayOptions, 'strength' | 'color'> {
  /** also restore a face that is as sharp as the model's output, or as what it makes of it */
  readonly force?: boolean;
  /** as large as the picture, above 0 where it is to be filled in: nothing else is replaced */
  readonly paint?: BytePixels;
}

/** A picture before and after, as the square that the model knows. */
export interface PictureFace {
  readonly crop: BytePixels;
  /** where in the square the picture is; the rest repeats its edge */
  readonly window: PixelWindow;
  /** [1, 3, size, size] in [-1, 1], as the model made it; absent where the face was left alone: it was sharp */
  readonly output?: HostTensor;
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
  { strength, color = 'auto', force = false, paint, ...options }: PictureOptions,
): Promise<PictureFace> {
  checkPhotoOptions(picture, { strength, paint });
  const { square, window } = toSquareFace(picture, restorer.imageSize);
  const face = { crop: square, window };
  const mayStay = !force && !paint && color !== 'colorize';
  if (mayStay && isSharpAlready(faceSharpness(square))) return face;
  const squarePaint = paint && toSquareFace(paint, restorer.imageSize).square;
  const output = await restoreCrop(square, restorer, { ...options, color, paint: squarePaint });
  // A small picture is judged at its own size: what was enlarged for the model is soft.
  const side = Math.min(restorer.imageSize, Math.max(picture.width, picture.height));
  const result = layCrop(square, output, { color });
  if (mayStay && losesSharpness(square, result, side)) return face;
  return { ...face, output, ...(squarePaint && { mask: paintOpacity(squarePaint) }) };
}

/**
 * The restored picture; a gray one stays gray, one that was left alone is only made as large as the model's.
 * @returns of the picture's shape, its longer side the model's size
 * @throws {RangeError} for a strength outside 0..1
 */
export function layPicture(
  { crop, window, output, mask }: PictureFace,
  { strength = 1, color = 'auto' }: Pick<LayOptions, 'strength' | 'color'> = {},
): BytePixels {
  checkPhotoOptions(crop, { strength });
  const colored = output
    ? layCrop(crop, output, { strength, color, mask })
    : inColors(crop, crop, color, staysGray(crop, color));
  return cutWindow(toBytePixels(colored), window);
}

function layCrop(
  crop: BytePixels,
  output: HostTensor,
  { strength = 1, color, mask }: { strength?: number; color: PhotoColor; mask?: FloatPixels | undefined },
): Pixels {
  const blended = atStrength(pixelsToTensor(crop), output, strength, mask?.data);
  return inColors(tensorToPixels(blended), crop, color, staysGray(crop, color));
}

/** `restorePictureFace`, however sharp the face is, then `layPicture`. */
export async function restorePicture(
  picture: BytePixels,
  restorer: Restorer,
  options: Omit<PictureOptions, 'force'> = {},
): Promise<BytePixels> {
  const face = await restorePictureFace(picture, restorer, { ...options, force: true });
  return layPicture(face, options);
}
