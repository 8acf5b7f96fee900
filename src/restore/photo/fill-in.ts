/** What of a photo is to be filled in, and what of that lies where nothing is restored. */

import { alignFace } from '../../face/face-crop.ts';
import type { DetectedFace } from '../../face/face-detector.ts';
import { because } from '../../failure/failure.ts';
import { hasPaint, paintOfMask, whitePaint } from '../../image/paint.ts';
import type { BytePixels } from '../../image/pixels.ts';
import type { Picture } from './restore-subject.ts';

/** A picture of what is to be filled in: white there, black elsewhere. */
export interface Mask extends Pick<Picture, 'pixels' | 'alpha'> {
  /** for errors, e.g. its file's */
  readonly name?: string;
}

/**
 * Where a picture is painted exactly white, or where its mask is white.
 * @returns as large as the picture, one channel, above 0 where it is to be filled in
 * @throws {RangeError} if nothing is painted (`nothing-painted`), or the mask has another size
 */
export function paintOn({ pixels, alpha }: Pick<Picture, 'pixels' | 'alpha'>, mask?: Mask): BytePixels {
  if (!mask) {
    const paint = whitePaint(pixels, alpha);
    if (hasPaint(paint)) return paint;
    throw because(new RangeError('nothing in it is exactly white'), {
      code: 'nothing-painted',
      where: 'picture',
    });
  }
  const name = mask.name === undefined ? 'the mask' : `the mask ${mask.name}`;
  const { width, height } = mask.pixels;
  if (width !== pixels.width || height !== pixels.height)
    throw new RangeError(
      `its ${pixels.width} x ${pixels.height} pixels do not fit the ${width} x ${height} of ${name}`,
    );
  const paint = paintOfMask(mask.pixels, mask.alpha);
  if (hasPaint(paint)) return paint;
  throw because(new RangeError(`nothing in ${name} is white`), { code: 'nothing-painted', where: 'mask' });
}

/** any size: only shares of it count */
const cropSize = 512;

/**
 * The share of the paint that no face's crop reaches: it stays in the photo.
 * @returns 0..1
 */
export function unfilledShare(paint: BytePixels, faces: readonly DetectedFace[]): number {
  const crops = faces.map(({ landmarks }) => alignFace(landmarks, cropSize));
  let painted = 0;
  let outside = 0;
  for (let i = 0; i < paint.data.length; i++) {
    if (paint.data[i] === 0) continue;
    painted++;
    const [x, y] = [i % paint.width, Math.floor(i / paint.width)];
    const isInside = crops.some(([a, b, c, d, e, f]) => {
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      return Math.min(u, v) >= 0 && Math.max(u, v) <= cropSize;
    });
    if (!isInside) outside++;
  }
  return painted === 0 ? 0 : outside / painted;
}
