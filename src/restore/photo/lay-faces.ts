/** Lays restored faces into their photo; everything else of the photo stays as it is. */

import { cutFace } from '../../face/face-crop.ts';
import { toGray } from '../../image/gray.ts';
import { canvasOf, pasteFace, type RestoredFace } from '../../image/paste-back.ts';
import type { Pixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { affineScale, composeAffine } from '../../image/warp-antialiased.ts';
import { nextTurn } from '../../runtime/next-turn.ts';
import { checkPhotoOptions, type LayOptions, type PhotoColor } from './photo-options.ts';
import { inColors, staysGray } from './restore-crop.ts';
import type { PhotoFace, RestoredCrop } from './restore-photo-faces.ts';

/**
 * The part of a restoration that takes hardly any time, unless a network enlarges the photo.
 * @param photo RGB, the one that the faces were restored from
 * @param faces those that were left alone are passed over
 * @param options `color` may differ from what the faces were restored with, but that the model has seen colours or not
 * @returns as large as the photo times `upscale`, of its kind of data; the (enlarged) photo's pixels to the bit
 *   wherever no restored face's mask reaches
 * @throws {RangeError} for a strength outside 0..1, an upscale below 1, or a background of another size
 */
export async function layFaces(
  photo: Pixels,
  faces: readonly PhotoFace[],
  options: LayOptions = {},
): Promise<Pixels> {
  checkPhotoOptions(photo, options);
  const { strength = 1, upscale = 1, color = 'auto' } = options;
  const source = color === 'gray' ? toGray(photo) : photo;
  const whole = { source, gray: staysGray(source, color) };
  const canvas = canvasOf(await enlarged(source, options));
  for (const face of faces) {
    if (!face.restored) continue;
    await nextTurn();
    pasteFace(canvas, placeFace(face, face.restored, whole, { strength, upscale, color }), 1);
  }
  return canvas;
}

function placeFace(
  { affine, crop: cut }: PhotoFace,
  { output, result, mask, filled, color: restoredColor }: RestoredCrop,
  { source, gray }: { readonly source: Pixels; readonly gray: boolean },
  { strength, upscale, color }: { strength: number; upscale: number; color: PhotoColor },
): RestoredFace {
  const sameSource = (restoredColor === 'gray') === (color === 'gray');
  const crop = sameSource ? cut : cutFace(source, affine, cut.width);
  // The centre of pixel i of the photo is at upscale·i + (upscale − 1)/2 of the enlarged one.
  const shift = (1 - upscale) / (2 * upscale);
  const placed = composeAffine(affine, [1 / upscale, 0, shift, 0, 1 / upscale, shift]);
  return {
    pixels: color === restoredColor ? result : inColors(output, crop, color, gray),
    affine: placed,
    mask,
    strength,
    // Larger than the model's output, the face has detail that the crop has lost.
    original: affineScale(placed) < 1 && !filled ? crop : undefined,
  };
}

async function enlarged(
  source: Pixels,
  { upscale = 1, background = 'lanczos' }: LayOptions,
): Promise<Pixels> {
  if (upscale === 1) return source;
  const size = { width: source.width * upscale, height: source.height * upscale };
  if (typeof background !== 'function') return resizePixels(source, size, background);
  const canvas = await background(source);
  if (canvas.width !== size.width || canvas.height !== size.height)
    throw new RangeError(
      `Cannot enlarge a photo ${upscale} times by what makes ${canvas.width} x ${canvas.height} of its ${source.width} x ${source.height} pixels`,
    );
  return canvas;
}
