import { slice } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** A part of an image, in fractions of its sides. */
export interface FractionalBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * @param image [B, C, H, W]
 * @returns [B, C, h, w], the box's edges rounded to whole pixels
 * @throws {RangeError} if the box is empty or reaches beyond the image
 */
export function cutBox(image: Value, { left, top, right, bottom }: FractionalBox): Value {
  const [, , height, width] = image.shape as [number, number, number, number];
  return slice(slice(image, 2, ...wholePixels(top, bottom, height)), 3, ...wholePixels(left, right, width));
}

function wholePixels(from: number, to: number, size: number): [number, number] {
  const range: [number, number] = [Math.round(from * size), Math.round(to * size)];
  if (!(range[0] >= 0 && range[0] < range[1] && range[1] <= size))
    throw new RangeError(`Cannot crop ${from}..${to} of ${size} pixels: it is empty or reaches beyond them`);
  return range;
}
