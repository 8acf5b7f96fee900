/** From pixels to the bytes of a picture file, by the encoders of Squoosh: without loss, but for JPEG. */

import type { ReadableFormat } from '../../image/image-signature.ts';
import { type Pixels, toBytePixels } from '../../image/pixels.ts';
import type { Calls } from '../bridge/messages.ts';
import type { OpenPhoto } from './open-photo.ts';
import { toImageData } from './shown-image.ts';

export type WritableFormat = 'png' | 'jpeg' | 'webp' | 'avif';

type Encode = (image: ImageData) => Promise<ArrayBuffer>;
const encoders: { readonly [F in WritableFormat]: () => Promise<Encode> } = {
  png: async () => {
    const { default: encode } = await import('@jsquash/png/encode.js');
    return (image) => encode(image);
  },
  jpeg: async () => {
    const { default: encode } = await import('@jsquash/jpeg/encode.js');
    // Full colour resolution.
    return (image) => encode(image, { quality: 95, auto_subsample: false, chroma_subsample: 1 });
  },
  webp: async () => {
    const { default: encode } = await import('@jsquash/webp/encode.js');
    // The colours under full transparency as they are.
    return (image) => encode(image, { lossless: 1, exact: 1 });
  },
  avif: async () => {
    const { default: encode } = await import('@jsquash/avif/encode.js');
    return (image) => encode(image, { lossless: true });
  },
};

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
  { format }: OpenPhoto,
): Promise<Calls['save']['answer']> {
  const kind = writableFormat(format);
  const encode = await encoders[kind]();
  const bytes = await encode(toImageData(toBytePixels(pixels), alpha));
  return { file: new Blob([bytes], { type: `image/${kind}` }), extension: extensions[kind], notes: [] };
}
