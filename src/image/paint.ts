/** Parts of a picture that are painted over, to be filled in. Masks have one channel, 255 where there is paint. */

import { erode } from './erode.ts';
import { gaussianBlur } from './gaussian-blur.ts';
import { type BytePixels, createPixels, type FloatPixels, isBytePixels, type Pixels } from './pixels.ts';

/** Shares of a crop's side. */
const growth = 1 / 64;
const softness = 1 / 128;

/**
 * The white brush: every pixel that is exactly white.
 * @param alpha where given, pixels that are not opaque are no paint, whatever they are laid on
 */
export function whitePaint(picture: BytePixels, alpha?: BytePixels): BytePixels {
  const { width, height, channels, data } = picture;
  return maskOf(width, height, (i) => {
    const at = i * channels;
    const opaque = alpha === undefined || alpha.data[i] === 255;
    return opaque && data[at] === 255 && data[at + 1] === 255 && data[at + 2] === 255;
  });
}

/** What is rather white than black, and rather opaque than not, in a picture of the mask. */
export function paintOfMask({ width, height, channels, data }: BytePixels, alpha?: BytePixels): BytePixels {
  return maskOf(width, height, (i) => data[i * channels]! >= 128 && (alpha?.data[i] ?? 255) >= 128);
}

function maskOf(width: number, height: number, isPaint: (index: number) => boolean): BytePixels {
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) if (isPaint(i)) data[i] = 255;
  return createPixels(width, height, 1, data);
}

/** Whether a mask is above 0 anywhere. */
export function hasPaint({ data }: Pixels): boolean {
  return data.some((value) => value > 0);
}

/**
 * The picture under hard white paint, as networks that fill in are trained to see it.
 * @param paint of the same size; what it touches at all is painted
 */
export function paintWhite(picture: Pixels, paint: Pixels): Pixels {
  const { width, height, channels } = picture;
  // Not `slice`: Node's Buffer shares its memory with what it slices.
  const data = isBytePixels(picture) ? Uint8Array.from(picture.data) : Float32Array.from(picture.data);
  for (let i = 0; i < width * height; i++)
    if (paint.data[i]! > 0) data.fill(255, i * channels, (i + 1) * channels);
  return createPixels(width, height, channels, data);
}

/**
 * How much of a filled crop is taken over: all of it under the paint, fading to nothing around it.
 * @returns 0..1
 */
export function paintOpacity(paint: Pixels): FloatPixels {
  const { width, height } = paint;
  const radius = Math.max(Math.round(growth * width), 1);
  const unpainted = createPixels(
    width,
    height,
    1,
    Float32Array.from(paint.data, (value) => (value > 0 ? 0 : 1)),
  );
  // A blur that reaches no further than the paint has grown leaves the paint itself whole.
  const grown = erode(unpainted, 2 * radius + 1);
  const faded = gaussianBlur(grown, 2 * radius + 1, Math.max(softness * width, 0.5));
  for (let i = 0; i < faded.data.length; i++) faded.data[i] = clearOfRounding(1 - faded.data[i]!);
  return faded;
}

/** The blur's weights add up to 1 but for rounding. */
function clearOfRounding(opacity: number): number {
  if (opacity < 1e-5) return 0;
  return opacity > 1 - 1e-5 ? 1 : opacity;
}
