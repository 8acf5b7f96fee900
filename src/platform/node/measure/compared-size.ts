/** At what size a result is compared with the truth, and how pictures come to it. */
import { because } from '../../../failure/failure.ts';
import { type BytePixels, type Pixels, toBytePixels, toFloatPixels } from '../../../image/pixels.ts';
import { resizePixels, type Size } from '../../../image/resize.ts';

/** The truth is never enlarged: there would be nothing true about it. */
export function comparedSize(name: string, truth: Size, restored: Size, size: number | undefined): Size {
  if (
    Math.abs(truth.width * restored.height - truth.height * restored.width) >
    Math.max(truth.width, truth.height)
  )
    throw new RangeError(
      `Cannot compare ${name}: the restored picture is ${restored.width} x ${restored.height}, the true one ${truth.width} x ${truth.height}, of another shape`,
    );
  if (size !== undefined && (truth.width !== truth.height || size > truth.width))
    throw because(
      new RangeError(
        `Cannot compare ${name} at ${size} x ${size}: the true picture is ${truth.width} x ${truth.height}, and is neither stretched nor enlarged`,
      ),
      { code: 'compared-size-too-large', size },
    );
  if (size !== undefined) return { width: size, height: size };
  return restored.width <= truth.width ? restored : truth;
}

/**
 * A picture at the compared size. One smaller than the truth is first enlarged to its size, as the degradation of the
 * method ends.
 */
export function resizeTo(pixels: BytePixels, compared: Size, truth: Size): Pixels {
  if (sameSize(pixels, compared)) return pixels;
  const smaller = pixels.width < truth.width || pixels.height < truth.height;
  const whole = smaller ? toBytePixels(resizePixels(pixels, sizeOf(truth), 'bilinear')) : pixels;
  if (sameSize(whole, compared)) return whole;
  // Rounding to 8 bits would be noise that no restorer made.
  return resizePixels(toFloatPixels(whole), sizeOf(compared), 'area');
}

function sameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height;
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
}
