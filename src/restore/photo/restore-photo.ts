/** Restores faces of a photo, each in its place; everything else of the photo stays as it is. */

import type { DetectedFace } from '../../face/face-detector.ts';
import type { Pixels } from '../../image/pixels.ts';
import type { Restorer } from '../restorer.ts';
import { layFaces } from './lay-faces.ts';
import type { PhotoOptions } from './photo-options.ts';
import { type PhotoFace, restorePhotoFaces } from './restore-photo-faces.ts';

export interface RestoredPhoto {
  /** as large as the photo times `upscale`, of its kind of data */
  readonly pixels: Pixels;
  readonly faces: readonly PhotoFace[];
}

/**
 * `restorePhotoFaces`, then `layFaces`.
 * @param photo RGB
 * @returns pixels that are the (enlarged) photo's to the bit wherever no restored face's mask reaches
 * @throws {RangeError} for a strength outside 0..1, an upscale below 1, or paint or a background of another size
 */
export async function restorePhoto(
  photo: Pixels,
  faces: readonly DetectedFace[],
  restorer: Restorer,
  options: PhotoOptions = {},
): Promise<RestoredPhoto> {
  const restored = await restorePhotoFaces(photo, faces, restorer, options);
  return { pixels: await layFaces(photo, restored, options), faces: restored };
}
