/** From the bytes of a picture file to its numbers, by the decoders of Squoosh; others by the browser's. */

import type { Orientation } from '../../image/orient-pixels.ts';
import { type ReadableFormat, readImageSignature } from '../../image/image-signature.ts';
import type { BytePixels } from '../../image/pixels.ts';
import type { PhotoNote } from '../bridge/messages.ts';
import { separate } from './open-photo.ts';
import { PageFailure } from './page-failure.ts';
import { readPictureSize } from './picture-size.ts';

export interface DecodedPicture {
  readonly format: ReadableFormat;
  /** RGB, as stored */
  readonly pixels: BytePixels;
  readonly alpha?: BytePixels;
  readonly orientation: Orientation;
  /** ICC profile of the RGB numbers; absent: sRGB */
  readonly profile?: Uint8Array;
  readonly notes: readonly PhotoNote[];
}

/** What a tab has room for: the photo, its result, an encoder's copies of both. */
export const mostPixels = 60_000_000;

type Decode = (bytes: ArrayBuffer) => Promise<ImageData | null>;
const decoders: { readonly [F in ReadableFormat]?: () => Promise<Decode> } = {
  jpeg: async () => (await import('@jsquash/jpeg/decode.js')).default,
  png: async () => (await import('@jsquash/png/decode.js')).decode,
  webp: async () => (await import('@jsquash/webp/decode.js')).default,
  avif: async () => (await import('@jsquash/avif/decode.js')).default,
};

export async function decodePicture(bytes: Uint8Array<ArrayBuffer>): Promise<DecodedPicture> {
  const signature = readImageSignature(bytes);
  if (!signature) throw new PageFailure('unreadable', 'it is not a picture');
  const { format } = signature;
  if (!format || format === 'tiff') throw new PageFailure('format', signature.name);
  const size = readPictureSize(bytes, format);
  if (size && size.width * size.height > mostPixels)
    throw new PageFailure('too-large', `${size.width} × ${size.height}`);
  const image = await decode(bytes, format);
  return { format, ...separate(image.data, image.width, image.height), orientation: 1, notes: [] };
}

async function decode(bytes: Uint8Array<ArrayBuffer>, format: ReadableFormat): Promise<ImageData> {
  const load = decoders[format];
  try {
    const decoded = load && (await (await load())(bytes.buffer));
    if (decoded) return decoded;
  } catch {
    // The browser may know more kinds of the format, such as CMYK.
  }
  return decodeByBrowser(bytes);
}

async function decodeByBrowser(bytes: Uint8Array<ArrayBuffer>): Promise<ImageData> {
  const bitmap = await createImageBitmap(new Blob([bytes]), {
    imageOrientation: 'none' as ImageOrientation,
    premultiplyAlpha: 'none',
  }).catch((cause: unknown) => {
    throw new PageFailure('unreadable', 'it is damaged, or of a kind that cannot be read', cause);
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new PageFailure('memory', `no canvas of ${width} × ${height}`);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
