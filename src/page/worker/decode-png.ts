import { decode } from '@jsquash/png/decode.js';
import type { BytePixels } from '../../image/pixels.ts';
import { separateOpacity } from './separate-opacity.ts';

/** A PNG that the page or its service made: RGB, and opacity if any of it is not opaque. */
export async function decodePng(
  png: Blob,
): Promise<{ readonly pixels: BytePixels; readonly alpha?: BytePixels }> {
  const { data, width, height } = await decode(await png.arrayBuffer());
  return separateOpacity(data, width, height);
}
