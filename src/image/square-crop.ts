/** The square of a picture that is trained on. */

import { type BytePixels, type Pixels, toFloatPixels } from './pixels.ts';
import { resizePixels } from './resize.ts';
import { cutWindow } from './square-face.ts';

/** Side as a share of the picture's shorter side; left and top as shares of what remains, 0..1. */
export interface SquareCrop {
  readonly side: number;
  readonly left: number;
  readonly top: number;
}

/** The largest square, in the centre. */
export const centerCrop: SquareCrop = { side: 1, left: 0.5, top: 0.5 };

/** A square cut out of a picture, and flipped left to right if `flip`; the picture itself where it is all of it. */
export function cropSquare(pixels: BytePixels, crop: SquareCrop, flip = false): BytePixels {
  const { width, height } = pixels;
  const side = Math.max(1, Math.round(crop.side * Math.min(width, height)));
  const left = Math.round(crop.left * (width - side));
  const top = Math.round(crop.top * (height - side));
  const whole = width === side && height === side;
  const square = whole ? pixels : cutWindow(pixels, { left, top, width: side, height: side });
  return flip ? flipColumns(square) : square;
}

function flipColumns(pixels: BytePixels): BytePixels {
  const { width, height, channels, data } = pixels;
  const flipped = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let x = width - 1; x >= 0; x--)
      for (let c = 0; c < channels; c++) flipped[to++] = data[(y * width + x) * channels + c]!;
  return { ...pixels, data: flipped };
}

/** Another side, by area or, if it grows, by Lanczos's kernel; floats, unless the side is as it should be. */
export function resizeSquare(pixels: Pixels, side: number): Pixels {
  if (pixels.width === side && pixels.height === side) return pixels;
  const method = side < pixels.width ? 'area' : 'lanczos';
  return resizePixels(toFloatPixels(pixels), { width: side, height: side }, method);
}
