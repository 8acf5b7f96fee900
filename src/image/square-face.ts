/** Pictures of any size and shape as the square that a model restores, and back. */

import { type BytePixels, toBytePixels } from './pixels.ts';
import { resizePixels } from './resize.ts';

/** A part of a picture, in pixels. */
export interface PixelWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface SquareFace {
  /** size × size */
  readonly square: BytePixels;
  /** where in the square the picture is; the rest repeats its edge */
  readonly window: PixelWindow;
}

/** A longer picture is no face. */
const largestAspect = 2;

/**
 * Fits a picture into a square: the longer side takes all of it, the other keeps its proportion and is centred,
 * between repetitions of the outermost pixels. A square picture is only resized.
 * @throws {RangeError} if one side is more than twice the other
 */
export function toSquareFace(pixels: BytePixels, size: number): SquareFace {
  const longer = Math.max(pixels.width, pixels.height);
  if (longer > largestAspect * Math.min(pixels.width, pixels.height))
    throw new RangeError(
      `Cannot fit ${pixels.width} x ${pixels.height} pixels into a square: an aligned face is square; cut it out first`,
    );
  const width = Math.max(Math.round((pixels.width * size) / longer), 1);
  const height = Math.max(Math.round((pixels.height * size) / longer), 1);
  const window = { left: (size - width) >> 1, top: (size - height) >> 1, width, height };
  // Bilinear as published where the face grows; sampled so, one that shrinks would alias.
  const method = longer > size ? 'area' : 'bilinear';
  const resized = toBytePixels(resizePixels(pixels, { width, height }, method));
  return { square: padByEdge(resized, window, size), window };
}

/** The part of a picture in a window. */
export function cutWindow(pixels: BytePixels, { left, top, width, height }: PixelWindow): BytePixels {
  const { channels } = pixels;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * pixels.width + left) * channels;
    data.set(pixels.data.subarray(start, start + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}

function padByEdge(pixels: BytePixels, { left, top, width, height }: PixelWindow, size: number): BytePixels {
  if (width === size && height === size) return pixels;
  const { channels } = pixels;
  const data = new Uint8Array(size * size * channels);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const from = clamp(y - top, height) * width + clamp(x - left, width);
      for (let c = 0; c < channels; c++)
        data[(y * size + x) * channels + c] = pixels.data[from * channels + c]!;
    }
  return { width: size, height: size, channels, data };
}

function clamp(index: number, count: number): number {
  return Math.min(Math.max(index, 0), count - 1);
}
