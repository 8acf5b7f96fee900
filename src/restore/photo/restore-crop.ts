/** One square of a face through the model: what it is shown, and what is made of its answer. */

import { isGray, toGray, withColorsOf } from '../../image/gray.ts';
import { paintWhite } from '../../image/paint.ts';
import { pixelsToTensor } from '../../image/pixel-tensor.ts';
import type { Pixels } from '../../image/pixels.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import type { RestoreOptions, Restorer } from '../restorer.ts';
import type { PhotoColor } from './photo-options.ts';

interface CropOptions extends RestoreOptions {
  readonly color: PhotoColor;
  /** One channel, as large as the crop, above 0 where it is to be filled in. */
  readonly paint?: Pixels;
}

/**
 * @param crop RGB, as large as the model's images
 * @returns [1, 3, size, size], about [-1, 1], as the model made it
 */
export function restoreCrop(
  crop: Pixels,
  restorer: Restorer,
  { color, paint, ...options }: CropOptions,
): Promise<HostTensor> {
  const shown = paint ? paintWhite(crop, paint) : color === 'colorize' ? toGray(crop) : crop;
  return restorer.restore(pixelsToTensor(shown), options);
}

/** Whether faces of a picture are to be gray. */
export function staysGray(picture: Pixels, color: PhotoColor): boolean {
  return color === 'gray' || (color === 'auto' && isGray(picture));
}

/**
 * What the model made of a crop, in the colours that are asked for.
 * @param gray see `staysGray`, of the whole picture
 */
export function inColors(restored: Pixels, crop: Pixels, color: PhotoColor, gray: boolean): Pixels {
  if (gray) return toGray(restored);
  return color === 'keep' ? withColorsOf(restored, crop) : restored;
}

/**
 * A share of one picture over another.
 * @param before,after [1, C, H, W]
 * @param mask H × W values in 0..1: the share is this much smaller there
 */
export function atStrength(
  before: HostTensor,
  after: HostTensor,
  strength: number,
  mask?: Float32Array,
): HostTensor {
  if (strength === 1 && !mask) return after;
  const area = after.shape[2]! * after.shape[3]!;
  const blended = after.data.map((value, i) => {
    const share = strength * (mask?.[i % area] ?? 1);
    return before.data[i]! + share * (value - before.data[i]!);
  });
  return hostTensor(after.shape, blended);
}
