/** From the bytes of a picture file to its numbers, by the decoders of Squoosh; others by the browser's. */

import { type ReadableFormat, readImageSignature } from '../../image/image-signature.ts';
import type { BytePixels } from '../../image/pixels.ts';
import type { PhotoNote } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { PageFailure } from './page-failure.ts';
import { type PictureFacts, readFacts } from './picture-facts.ts';
import { readPictureSize } from './picture-size.ts';
import { separateOpacity } from './separate-opacity.ts';

export interface DecodedPicture {
  readonly format: ReadableFormat;
  /** RGB, as stored */
  readonly pixels: BytePixels;
  readonly alpha?: BytePixels;
  readonly facts: PictureFacts;
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

export async function decodePicture(
  bytes: Uint8Array<ArrayBuffer>,
  tools: Pick<CallTools, 'updateXmp'>,
): Promise<DecodedPicture> {
  const signature = readImageSignature(bytes);
  if (!signature) throw new PageFailure('unreadable', 'it is not a picture');
  const { format } = signature;
  if (!format || format === 'tiff') throw new PageFailure('format', signature.name);
  const size = readPictureSize(bytes, format);
  if (size && size.width * size.height > mostPixels)
    throw new PageFailure('too-large', `${size.width} × ${size.height}`);
  const facts = await readFacts(bytes, format, tools);
  const { image, converted } = await decode(bytes, format);
  const notes: PhotoNote[] = [];
  if (converted) notes.push({ kind: 'converted' });
  if (isDeepPng(bytes, format)) notes.push({ kind: 'depth' });
  if (facts.endMissing) notes.push({ kind: 'incomplete' });
  if (facts.dropped.length > 0) notes.push({ kind: 'left-out', what: facts.dropped });
  if (format === 'gif') notes.push({ kind: 'format', format: 'PNG' });
  // The browser's numbers are those of sRGB.
  const { profile, ...others } = facts;
  return {
    format,
    ...separateOpacity(image.data, image.width, image.height),
    facts: converted ? others : facts,
    notes,
  };
}

interface DecodedImage {
  readonly image: ImageData;
  /** to sRGB */
  readonly converted: boolean;
}

async function decode(bytes: Uint8Array<ArrayBuffer>, format: ReadableFormat): Promise<DecodedImage> {
  const load = decoders[format];
  if (!load) return { image: await decodeByBrowser(bytes), converted: false };
  try {
    const image = await (await load())(bytes.buffer);
    if (image) return { image, converted: false };
  } catch {
    // The browser may know more kinds of the format, such as CMYK.
  }
  return { image: await decodeByBrowser(bytes), converted: true };
}

/** Samples of 16 bits, as its header says. */
function isDeepPng(bytes: Uint8Array, format: ReadableFormat): boolean {
  return format === 'png' && bytes[24] === 16;
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
