/** Pictures of which not everything is seen. */

import { type BytePixels, createPixels, isBytePixels, type Pixels, toBytes } from './pixels.ts';
import { type ResizeMethod, resizePixels, type Size } from './resize.ts';

/** A picture, and how much of each pixel is seen. */
interface TransparentPixels {
  /** RGB */
  readonly pixels: Pixels;
  /** one channel, 0..255, the size of the pixels; absent: all of it is seen */
  readonly alpha?: Pixels | undefined;
}

/** The picture as it looks on white paper. */
export function layOnWhite({
  pixels,
  alpha,
}: {
  pixels: BytePixels;
  alpha?: Pixels | undefined;
}): BytePixels {
  if (!alpha) return pixels;
  const data = new Uint8Array(pixels.data.length);
  for (let i = 0; i < data.length; i++) {
    const opacity = alpha.data[Math.floor(i / 3)]! / 255;
    data[i] = Math.round(255 + (pixels.data[i]! - 255) * opacity);
  }
  return { ...pixels, data };
}

/** The picture with white where nothing of it is seen, so that a network is not shown what nobody sees. */
export function whitenUnseen<P extends Pixels>(pixels: P, alpha: Pixels | undefined): P {
  if (!alpha) return pixels;
  const data = pixels.data.slice();
  for (let i = 0; i < alpha.data.length; i++) if (alpha.data[i] === 0) data.fill(255, 3 * i, 3 * i + 3);
  return { ...pixels, data };
}

/**
 * Resizes both; the less of a pixel is seen, the less its colour counts. Where nothing is seen, the colours are those
 * of plain resizing.
 * @returns of the kinds of data that the two have
 */
export function resizeTransparent(
  { pixels, alpha }: TransparentPixels,
  size: Size,
  method: ResizeMethod,
): TransparentPixels {
  const plain = resizePixels(pixels, size, method);
  if (!alpha) return { pixels: plain };
  const weighted = new Float32Array(pixels.data.length);
  for (let i = 0; i < weighted.length; i++)
    weighted[i] = (pixels.data[i]! * alpha.data[Math.floor(i / 3)]!) / 255;
  const { width, height } = pixels;
  const light = resizePixels(createPixels(width, height, 3, weighted), size, method);
  const opacity = resizePixels(createPixels(width, height, 1, Float32Array.from(alpha.data)), size, method);
  const colors = Float32Array.from(plain.data);
  for (let i = 0; i < colors.length; i++) {
    const seen = opacity.data[Math.floor(i / 3)]!;
    // Below half a step of 8 bits it is none.
    if (seen >= 0.5) colors[i] = Math.min(Math.max((255 * light.data[i]!) / seen, 0), 255);
  }
  return { pixels: likeKind(plain, colors, pixels), alpha: likeKind(opacity, opacity.data, alpha) };
}

function likeKind(shape: Pixels, values: Pixels['data'], kind: Pixels): Pixels {
  return { ...shape, data: isBytePixels(kind) ? toBytes(values) : Float32Array.from(values) };
}
