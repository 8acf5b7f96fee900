/**
 * A whole picture, whatever it shows: `findSubject`, then `restoreSubject`, which takes the time, then `laySubject` as
 * often as its strength or its faces change.
 */

import { toGray } from '../../image/gray.ts';
import { type BytePixels, type FloatPixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels, type Size } from '../../image/resize.ts';
import { cutWindow } from '../../image/square-face.ts';
import { resizeTransparent, whitenUnseen } from '../../image/transparency.ts';
import type { PhotoTools, Subject } from './find-subject.ts';
import { layFaces } from './lay-faces.ts';
import type { Enlarge, LayOptions } from './photo-options.ts';
import { type PhotoFace, type RestoreFacesOptions, restorePhotoFaces } from './restore-photo-faces.ts';
import { layPicture, type PictureFace, restorePictureFace } from './restore-picture.ts';

/** A picture as a file gives it. */
export interface Picture {
  /** RGB, whatever of it is seen */
  readonly pixels: BytePixels;
  /** one channel, 255 opaque; absent if the picture is opaque everywhere */
  readonly alpha?: BytePixels;
  /** `pixels` and `alpha` with fractions; absent if there are none */
  readonly deepPixels?: FloatPixels;
  readonly deepAlpha?: FloatPixels;
}

export type RestoredSubject =
  | { readonly kind: 'aligned'; readonly face: PictureFace }
  | { readonly kind: 'photo'; readonly faces: readonly PhotoFace[] };

export interface RestoreSubjectOptions extends Omit<RestoreFacesOptions, 'parser' | 'describer' | 'paint'> {
  /** as large as the picture: see `PhotoOptions` */
  readonly paint?: BytePixels;
}

/**
 * Runs the networks. A photo without faces needs none.
 * @throws {RangeError} as `restorePhotoFaces` or `restorePictureFace`; the signal's reason
 */
export async function restoreSubject(
  picture: Picture,
  subject: Subject,
  tools: Omit<PhotoTools, 'detector'>,
  options: RestoreSubjectOptions = {},
): Promise<RestoredSubject> {
  if (subject.kind === 'aligned') {
    const { upscale, onFace, ...asked } = options;
    const restorer = await tools.restorer();
    const seen = asked.paint
      ? whitenUnseen(picture.pixels, picture.alpha)
      : squareSeen(picture, restorer.imageSize);
    return { kind: 'aligned', face: await restorePictureFace(seen, restorer, asked) };
  }
  if (subject.faces.length === 0) return { kind: 'photo', faces: [] };
  const restorer = tools.restorer();
  const describer = options.paint
    ? undefined
    : restorer.then(({ imageSize }) => tools.describer?.(imageSize));
  describer?.catch(() => {}); // told to the face that is measured first
  const [loaded, parser] = await Promise.all([restorer, tools.parser?.()]);
  const seen = whitenUnseen<Pixels>(picture.deepPixels ?? picture.pixels, picture.alpha);
  const faces = await restorePhotoFaces(seen, subject.faces, loaded, { ...options, parser, describer });
  return { kind: 'photo', faces };
}

export interface LaidSubject {
  /** bytes, or floats where the picture has `deepPixels` */
  readonly pixels: Pixels;
  /** one channel, the size of the result, of its kind of data; absent where the picture is opaque */
  readonly alpha?: Pixels;
  /** The picture itself: there was nothing to restore. */
  readonly untouched: boolean;
}

/**
 * The result. An aligned face has the model's size, whatever `upscale` says, unless it was sharp and left alone.
 * @param restored of this picture; faces may be left out of it
 * @throws {RangeError} as `layFaces`
 */
export async function laySubject(
  picture: Picture,
  restored: RestoredSubject,
  options: LayOptions = {},
): Promise<LaidSubject> {
  const { alpha } = picture;
  if (restored.kind === 'aligned') {
    if (!restored.face.output) return leftAlone(picture, options);
    const pixels = layPicture(restored.face, options);
    return {
      pixels,
      ...(alpha && { alpha: resizePixels(alpha, sizeOf(pixels), alignedMethod(picture.pixels, pixels)) }),
      untouched: false,
    };
  }
  const { upscale = 1, color } = options;
  const source = picture.deepPixels ?? picture.pixels;
  const opacity = picture.deepAlpha ?? alpha;
  const background = opacity && enlargeSeen(opacity, options);
  const laid = await layFaces(source, restored.faces, { ...options, ...(background && { background }) });
  return {
    pixels: alpha && upscale === 1 && color !== 'gray' ? keepUnseen(laid, source, alpha) : laid,
    ...(opacity && { alpha: enlargedPlainly(opacity, options) }),
    untouched:
      upscale === 1 && color !== 'gray' && restored.faces.every(({ status }) => status !== 'restored'),
  };
}

/** An aligned face at the size that the model will see it, without colour from what is not seen. */
function squareSeen({ pixels, alpha }: Picture, size: number): BytePixels {
  if (!alpha) return pixels;
  const longer = Math.max(pixels.width, pixels.height);
  const side = (length: number): number => Math.max(Math.round((length * size) / longer), 1);
  const target = { width: side(pixels.width), height: side(pixels.height) };
  const resized = resizeTransparent({ pixels, alpha }, target, alignedMethod(pixels, target));
  return whitenUnseen(toBytePixels(resized.pixels), resized.alpha);
}

/** As `toSquareFace` resizes. */
function alignedMethod(from: Size, to: Size): 'area' | 'bilinear' {
  return Math.max(from.width, from.height) > Math.max(to.width, to.height) ? 'area' : 'bilinear';
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
}

/** What enlarges the photo under its transparency. */
function enlargeSeen(alpha: Pixels, { upscale = 1, background = 'lanczos' }: LayOptions): Enlarge {
  return async (photo) => {
    if (typeof background === 'function') return background(whitenUnseen(photo, alpha));
    const size = { width: photo.width * upscale, height: photo.height * upscale };
    return resizeTransparent({ pixels: photo, alpha }, size, background).pixels;
  };
}

/** The photo's own colours where nothing is seen of what a face was laid on. */
function keepUnseen(laid: Pixels, photo: Pixels, alpha: Pixels): Pixels {
  const data = laid.data.slice();
  for (let i = 0; i < alpha.data.length; i++)
    if (alpha.data[i] === 0) data.set(photo.data.subarray(3 * i, 3 * i + 3), 3 * i);
  return { ...laid, data };
}

/** A sharp picture as it is, but gray where all is to be. */
function leftAlone({ pixels, alpha }: Picture, { color }: LayOptions): LaidSubject {
  return { pixels: color === 'gray' ? toGray(pixels) : pixels, alpha, untouched: color !== 'gray' };
}

/** The picture as it was, at the size of its result: to be shown beside it. */
export function inputOfSubject(
  { pixels }: Picture,
  restored: RestoredSubject,
  options: LayOptions = {},
): BytePixels {
  if (restored.kind === 'aligned') {
    const { crop, window, output } = restored.face;
    return output ? cutWindow(crop, window) : pixels;
  }
  return toBytePixels(enlargedPlainly(pixels, options));
}

/** By resizing, where a network enlarges the photo too. */
function enlargedPlainly(pixels: Pixels, { upscale = 1, background }: LayOptions): Pixels {
  if (upscale === 1) return pixels;
  const size = { width: pixels.width * upscale, height: pixels.height * upscale };
  const method = typeof background === 'string' ? background : 'lanczos';
  return resizePixels(pixels, size, method);
}
