/** Pixels as files that the browser shows, in the colours of their photo's profile. */

import encodePng from '@jsquash/png/encode.js';
import { insertPngChunks } from '../../image/file/png-chunks.ts';
import { type Pixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';

export interface ShownColors {
  /** ICC profile of the RGB numbers; absent: sRGB */
  readonly profile?: Uint8Array | undefined;
}

export interface ShownOptions extends ShownColors {
  /** one channel, as large as the pixels */
  readonly alpha?: Pixels;
  /** Larger ones are made smaller. */
  readonly mostPixels?: number;
}

/** RGB and opacity as a canvas takes them. */
export function toImageData({ width, height, data }: Pixels, alpha?: Pixels): ImageData {
  const image = new ImageData(width, height);
  const { data: rgba } = image;
  for (let i = 0; i < width * height; i++) {
    rgba[4 * i] = data[3 * i]!;
    rgba[4 * i + 1] = data[3 * i + 1]!;
    rgba[4 * i + 2] = data[3 * i + 2]!;
    rgba[4 * i + 3] = alpha ? alpha.data[i]! : 255;
  }
  return image;
}

/** A PNG. */
export async function shownImage(
  pixels: Pixels,
  { alpha, profile, mostPixels = Number.POSITIVE_INFINITY }: ShownOptions = {},
): Promise<Blob> {
  const scale = Math.min(1, Math.sqrt(mostPixels / (pixels.width * pixels.height)));
  const shrink = (plane: Pixels): Pixels => {
    if (scale === 1) return toBytePixels(plane);
    const size = {
      width: Math.max(1, Math.round(plane.width * scale)),
      height: Math.max(1, Math.round(plane.height * scale)),
    };
    return toBytePixels(resizePixels(plane, size, 'area'));
  };
  const encoded = new Uint8Array(await encodePng(toImageData(shrink(pixels), alpha && shrink(alpha))));
  const png = profile ? insertPngChunks(encoded, { profile }) : encoded;
  return new Blob([png as Uint8Array<ArrayBuffer>], { type: 'image/png' });
}
