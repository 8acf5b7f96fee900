/**
 * A whole picture, whatever it shows: `findSubject`, then `restoreSubject`, which takes the time, then `laySubject` as
 * often as its strength or its faces change.
 */

import { type BytePixels, type FloatPixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { cutWindow } from '../../image/square-face.ts';
import type { PhotoTools, Subject } from './find-subject.ts';
import { layFaces } from './lay-faces.ts';
import type { LayOptions } from './photo-options.ts';
import { type PhotoFace, type RestoreFacesOptions, restorePhotoFaces } from './restore-photo-faces.ts';
import { layPicture, type PictureFace, restorePictureFace } from './restore-picture.ts';

/** A picture as a file gives it. */
export interface Picture {
  /** RGB, on white where the picture is transparent */
  readonly pixels: BytePixels;
  /** one channel, 255 opaque; absent if the picture is opaque everywhere */
  readonly alpha?: BytePixels;
  /** `pixels` with fractions; absent if there are none */
  readonly deepPixels?: FloatPixels;
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
    const { force, upscale, onFace, ...asked } = options;
    return { kind: 'aligned', face: await restorePictureFace(picture.pixels, await tools.restorer(), asked) };
  }
  if (subject.faces.length === 0) return { kind: 'photo', faces: [] };
  const restorer = await tools.restorer();
  const faces = await restorePhotoFaces(picture.deepPixels ?? picture.pixels, subject.faces, restorer, {
    ...options,
    parser: await tools.parser?.(),
    describer: options.paint ? undefined : await tools.describer?.(restorer.imageSize),
  });
  return { kind: 'photo', faces };
}

export interface LaidSubject {
  /** bytes, or floats where the picture has `deepPixels` */
  readonly pixels: Pixels;
  /** one channel, the size of the result; absent where the picture is opaque */
  readonly alpha?: BytePixels;
  /** The picture itself: there was nothing to restore. */
  readonly untouched: boolean;
}

/**
 * The result. An aligned face has the model's size, whatever `upscale` says.
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
    const pixels = layPicture(restored.face, options);
    return {
      pixels,
      alpha: alpha && toBytePixels(resizePixels(alpha, pixels, 'bilinear')),
      untouched: false,
    };
  }
  const { upscale = 1, color } = options;
  return {
    pixels: await layFaces(picture.deepPixels ?? picture.pixels, restored.faces, options),
    alpha: alpha && enlargedPlainly(alpha, options),
    untouched:
      upscale === 1 && color !== 'gray' && restored.faces.every(({ status }) => status !== 'restored'),
  };
}

/** The picture as it was, at the size of its result: to be shown beside it. */
export function inputOfSubject(
  { pixels }: Picture,
  restored: RestoredSubject,
  options: LayOptions = {},
): BytePixels {
  if (restored.kind === 'aligned') return cutWindow(restored.face.crop, restored.face.window);
  return enlargedPlainly(pixels, options);
}

/** By resizing, where a network enlarges the photo too. */
function enlargedPlainly(pixels: BytePixels, { upscale = 1, background }: LayOptions): BytePixels {
  if (upscale === 1) return pixels;
  const size = { width: pixels.width * upscale, height: pixels.height * upscale };
  const method = typeof background === 'string' ? background : 'lanczos';
  return toBytePixels(resizePixels(pixels, size, method));
}
