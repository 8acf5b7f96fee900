/** From pixels to the bytes of a picture file. */

import type { ReadableFormat } from '../../image/image-signature.ts';
import { type Pixels, toBytePixels } from '../../image/pixels.ts';
import { layOnWhite } from '../../image/transparency.ts';
import type { Calls } from '../bridge/messages.ts';
import type { OpenPhoto } from './open-photo.ts';
import { pictureEncoders } from './picture-encoders.ts';
import { insertFacts, lostIn, type WritableFormat } from './picture-facts.ts';
import { toImageData } from './shown-image.ts';

const extensions: { readonly [F in WritableFormat]: string } = {
  png: 'png',
  jpeg: 'jpg',
  webp: 'webp',
  avif: 'avif',
};

/** GIF holds too few colours for a face, TIFF is not written. */
export function writableFormat(format: ReadableFormat): WritableFormat {
  return format === 'gif' || format === 'tiff' ? 'png' : format;
}

export async function encodePicture(
  pixels: Pixels,
  alpha: Pixels | undefined,
  { format, facts }: OpenPhoto,
): Promise<Calls['save']['answer']> {
  const kind = writableFormat(format);
  const encode = await pictureEncoders[kind]();
  // JPEG has no transparency.
  const shown = kind === 'jpeg' ? layOnWhite({ pixels: toBytePixels(pixels), alpha }) : toBytePixels(pixels);
  const encoded = new Uint8Array(await encode(toImageData(shown, kind === 'jpeg' ? undefined : alpha)));
  const { width, height } = pixels;
  const bytes = insertFacts(encoded, kind, facts, { width, height, alpha: alpha !== undefined });
  const lost = lostIn(kind, facts);
  return {
    file: new Blob([bytes as Uint8Array<ArrayBuffer>], { type: `image/${kind}` }),
    extension: extensions[kind],
    notes: lost.length > 0 ? [{ kind: 'left-out', what: lost }] : [],
  };
}
