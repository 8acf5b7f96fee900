/** JPEG with the encoder and decoder that OpenCV has, libjpeg-turbo, set as OpenCV sets it. */

import sharp from 'sharp';
import { type BytePixels, createPixels, type Pixels, toBytePixels } from '../../../image/pixels.ts';

/**
 * Encodes an image as baseline JPEG with the standard tables and 4:2:0 chroma: decoded again, the same pixels
 * as OpenCV's `imencode('.jpg')` gives.
 * @param pixels RGB
 * @param quality a whole number, 1..100
 * @throws {RangeError} for other channels, or another quality
 */
export async function encodeJpeg(pixels: Pixels, quality: number): Promise<Uint8Array> {
  const { width, height, channels } = pixels;
  if (channels !== 3)
    throw new RangeError(`Cannot encode an image of ${channels} channels as JPEG: expected RGB`);
  if (!Number.isInteger(quality) || quality < 1 || quality > 100)
    throw new RangeError(`Cannot encode a JPEG of quality ${quality}: it must be a whole number in 1..100`);
  return sharp(toBytePixels(pixels).data, { raw: { width, height, channels } })
    .jpeg({ quality, chromaSubsampling: '4:2:0', mozjpeg: false })
    .toBuffer();
}

/**
 * Decodes a JPEG to RGB.
 * @throws {Error} if the bytes are no JPEG, or damaged
 */
export async function decodeJpeg(bytes: Uint8Array): Promise<BytePixels> {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8)
    throw new SyntaxError('Cannot decode a JPEG: its bytes do not begin with the mark of one');
  try {
    const decoder = sharp(bytes, { failOn: 'error' }).toColourspace('srgb').raw();
    const { data, info } = await decoder.toBuffer({ resolveWithObject: true });
    return createPixels(info.width, info.height, 3, new Uint8Array(data));
  } catch (cause) {
    throw new Error(`Cannot decode a JPEG of ${bytes.length} bytes: ${(cause as Error).message}`, { cause });
  }
}

/** What JPEG of a quality makes of an image: a `JpegRoundTrip`. */
export async function roundTripJpeg(pixels: BytePixels, quality: number): Promise<BytePixels> {
  return decodeJpeg(await encodeJpeg(pixels, quality));
}
