/** Pixels to picture files, with sharp. */

import sharp, { type Sharp } from 'sharp';
import { type BytePixels, isBytePixels, type Pixels } from '../../../image/pixels.ts';
import { updateExif } from './exif.ts';
import { deepStep, type ImageFile, type ImageMetadata } from './image-file.ts';
import { insertPngChunks, type PngExtras } from './png-chunks.ts';

/** Formats that can be written. */
export const imageFormats = ['png', 'jpeg', 'webp', 'avif', 'tiff'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export interface ImageExtras {
  /** one channel, the size of the pixels; ignored by JPEG, which has none */
  readonly alpha?: BytePixels;
  readonly profile?: Uint8Array;
  /** of the picture that this one was made from; TIFF holds no EXIF here */
  readonly metadata?: ImageMetadata;
}

/**
 * The bytes of a picture file, of high quality: PNG, TIFF and WebP without loss, JPEG at 95 and AVIF at 85 with
 * full colour resolution.
 * @param pixels three channels; floats are written as 16 bits by PNG and TIFF, rounded to 8 by the others
 */
export async function encodeImage(
  pixels: Pixels,
  format: ImageFormat,
  { alpha, profile, metadata = {} }: ImageExtras = {},
): Promise<Uint8Array> {
  const image = rawImage(pixels, format, format === 'jpeg' ? undefined : alpha);
  const exif = metadata.exif && updateExif(metadata.exif, pixels);
  const extras: PngExtras = { profile, exif, xmp: metadata.xmp && uprightXmp(metadata.xmp) };
  if (format === 'png') return insertPngChunks(await writers.png(image).toBuffer(), extras);
  if (!Object.values(extras).some((extra) => extra !== undefined)) return writers[format](image).toBuffer();
  // sharp attaches these without converting the numbers only if the input carries them.
  const carrier = insertPngChunks(await image.png({ compressionLevel: 0 }).toBuffer(), extras);
  return writers[format](keepDepth(sharp(carrier).keepMetadata(), pixels, format)).toBuffer();
}

/** Longest sides: of the format itself, or of its encoder. */
const longestSides: { readonly [F in ImageFormat]?: number } = { jpeg: 65_500, webp: 16_383, avif: 16_384 };
/** More would take memory for itself, its copies and its encoder without end. */
const maxWrittenPixels = 400_000_000;

/** @throws {RangeError} if a picture of this size cannot be written */
export function requireEncodable(
  { width, height }: { readonly width: number; readonly height: number },
  format: ImageFormat,
): void {
  const longest = longestSides[format] ?? Number.POSITIVE_INFINITY;
  if (Math.max(width, height) > longest)
    throw new RangeError(
      `the result would have ${width} x ${height} pixels, and ${format.toUpperCase()} holds sides of ${longest} at most; take --format png, or a smaller --upscale`,
    );
  if (width * height > maxWrittenPixels)
    throw new RangeError(
      `the result would have ${width} x ${height} pixels, and ${maxWrittenPixels / 1e6} million are the most; take a smaller --upscale`,
    );
}

/** What of a picture a format cannot hold, e.g. 'alpha (laid on white)'. */
export function listLostIn(
  format: ImageFormat,
  { alpha, deepPixels, metadata }: Pick<ImageFile, 'alpha' | 'deepPixels' | 'metadata'>,
): string[] {
  const lost: string[] = [];
  if (deepPixels && !deepFormats.has(format)) lost.push('16-bit samples (8-bit now)');
  if (alpha && format === 'jpeg') lost.push('alpha (laid on white)');
  if (metadata.exif && format === 'tiff') lost.push('EXIF');
  return lost;
}

const deepFormats: ReadonlySet<ImageFormat> = new Set(['png', 'tiff']);

function rawImage(pixels: Pixels, format: ImageFormat, alpha: BytePixels | undefined): Sharp {
  const { width, height, data } = pixels;
  const channels = alpha ? 4 : 3;
  if (isBytePixels(pixels) && !alpha) return sharp(pixels.data, { raw: { width, height, channels } });
  const deep = !isBytePixels(pixels) && deepFormats.has(format);
  const step = deep ? deepStep : 1;
  const samples = deep
    ? new Uint16Array(width * height * channels)
    : new Uint8ClampedArray(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) samples[channels * i + c] = Math.round(data[3 * i + c]! * step);
    if (alpha) samples[4 * i + 3] = alpha.data[i]! * step;
  }
  return keepDepth(sharp(samples, { raw: { width, height, channels } }), pixels, format);
}

/** sharp writes 8 bits unless told. */
function keepDepth(image: Sharp, pixels: Pixels, format: ImageFormat): Sharp {
  return !isBytePixels(pixels) && deepFormats.has(format) ? image.toColourspace('rgb16') : image;
}

/** XMP may repeat the orientation of EXIF. */
function uprightXmp(xmp: Uint8Array): Uint8Array {
  const text = Buffer.from(xmp).toString('utf8');
  if (!text.includes('tiff:Orientation')) return xmp;
  const upright = text
    .replace(/(tiff:Orientation\s*=\s*["'])\d/g, (_, before: string) => `${before}1`)
    .replace(/(<tiff:Orientation>\s*)\d/g, (_, before: string) => `${before}1`);
  return Buffer.from(upright, 'utf8');
}

const writers: { readonly [F in ImageFormat]: (image: Sharp) => Sharp } = {
  png: (image) => image.png(),
  jpeg: (image) => image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
  webp: (image) => image.webp({ lossless: true }),
  avif: (image) => image.avif({ quality: 85, chromaSubsampling: '4:4:4' }),
  tiff: (image) => image.tiff({ compression: 'deflate', predictor: 'horizontal' }),
};
