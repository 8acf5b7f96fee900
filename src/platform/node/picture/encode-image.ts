/** Pixels to picture files, with sharp; what a file says of its picture is put into it as it is. */

import sharp, { type Sharp } from 'sharp';
import { because } from '../../../failure/failure.ts';
import { type ColorCode, cicpContent, isPlainCode, writeNclx } from '../../../image/file/color-code.ts';
import { enlargeDensity } from '../../../image/file/density.ts';
import { removeResolution, updateExif } from '../../../image/file/exif.ts';
import {
  exifStart,
  insertJpegSegments,
  maxSegmentBytes,
  xmpStart,
} from '../../../image/file/jpeg-segments.ts';
import { insertPngChunks, type PngExtras } from '../../../image/file/png-chunks.ts';
import {
  densityExif,
  exifHoldsMakerNote,
  hasDensity,
  insertTiffTags,
  makerNotes,
} from '../../../image/file/tiff-tags.ts';
import { insertWebpChunks } from '../../../image/file/webp-chunks.ts';
import { isBytePixels, type Pixels, toBytePixels } from '../../../image/pixels.ts';
import { layOnWhite } from '../../../image/transparency.ts';
import { deepStep } from './decode-pixels.ts';
import type { ImageFile, ImageLook, ImageMetadata } from './image-file.ts';
import type { ImageFormat } from './image-format.ts';

export interface ImageExtras extends ImageLook {
  /** one channel, the size of the pixels; JPEG has none: laid on white there */
  readonly alpha?: Pixels;
  /** of the picture that this one was made from */
  readonly metadata?: ImageMetadata;
  /** how many times as large as that picture, to be printed at its size; 1 unless given */
  readonly enlarged?: number;
}

/**
 * The bytes of a picture file: without loss, but for JPEG, which is written at quality 95 with full colour
 * resolution.
 * @param pixels three channels; floats are written as 16 bits by PNG and TIFF, rounded to 8 by the others
 * @throws {Error} if the encoder fails
 */
export async function encodeImage(
  pixels: Pixels,
  format: ImageFormat,
  { alpha, metadata = {}, enlarged = 1, ...look }: ImageExtras = {},
): Promise<Uint8Array> {
  const image =
    format === 'jpeg'
      ? rawImage(layOnWhite({ pixels: toBytePixels(pixels), alpha }), format, undefined)
      : rawImage(pixels, format, alpha);
  const { profile, colorCode } = look;
  const density = look.density && enlargeDensity(look.density, enlarged);
  const exif = metadata.exif && updateExif(metadata.exif, pixels, enlarged);
  const xmp = metadata.xmp;
  try {
    if (format === 'avif')
      return await encodeAvif(
        image,
        { profile, exif: exif ?? (density && densityExif(density)), xmp },
        colorCode,
      );
    const encoded = await writers[format](image).toBuffer();
    if (format === 'png') {
      const code = colorCode && { type: 'cICP', content: cicpContent(colorCode) };
      const chunks = [...(code ? [code] : []), ...(look.colorChunks ?? []), ...(metadata.texts ?? [])];
      return insertPngChunks(encoded, { profile, exif, xmp, density, chunks });
    }
    if (format === 'jpeg')
      return insertJpegSegments(encoded, { profile, exif, xmp, density, comments: metadata.comments });
    if (format === 'tiff') return insertTiffTags(encoded, { profile, exif, xmp, density });
    const { width, height } = pixels;
    const extras = { profile, exif: exif ?? (density && densityExif(density)), xmp };
    return insertWebpChunks(encoded, extras, { width, height, alpha: alpha !== undefined });
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n');
    throw new Error(`the ${format.toUpperCase()} encoder failed (${reason})`, { cause });
  }
}

/** libvips itself puts descriptions into AVIF; what it adds of its own is taken out again. */
async function encodeAvif(
  image: Sharp,
  extras: Pick<PngExtras, 'profile' | 'exif' | 'xmp'>,
  colorCode: ColorCode | undefined,
): Promise<Uint8Array> {
  const described = Object.values(extras).some((extra) => extra !== undefined);
  // sharp attaches these without converting the numbers only if the input carries them.
  const source = described
    ? sharp(insertPngChunks(await image.png({ compressionLevel: 0 }).toBuffer(), extras), {
        limitInputPixels: false,
      }).keepMetadata()
    : image;
  const avif = await writers.avif(source).toBuffer();
  const { exif } = extras;
  const written = exif && (await sharp(avif).metadata()).exif;
  if (written && !hasDensity(exif)) {
    const at = avif.indexOf(written);
    const start = written.toString('latin1', 0, 4) === 'Exif' ? 6 : 0;
    if (at !== -1) removeResolution(avif.subarray(at + start, at + written.length));
  }
  if (colorCode) writeNclx(avif, colorCode);
  return avif;
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
    throw because(
      new RangeError(
        `the result would have ${width} x ${height} pixels, and ${format.toUpperCase()} holds sides of ${longest} at most`,
      ),
      { code: 'result-too-large', format },
    );
  if (width * height > maxWrittenPixels)
    throw because(
      new RangeError(
        `the result would have ${width} x ${height} pixels, and ${maxWrittenPixels / 1e6} million are the most`,
      ),
      { code: 'result-too-large' },
    );
}

/** What of a picture a format cannot hold, e.g. 'alpha (laid on white)'. */
export function listLostIn(
  format: ImageFormat,
  { alpha, deepPixels, look, metadata }: Pick<ImageFile, 'alpha' | 'deepPixels' | 'look' | 'metadata'>,
): string[] {
  const { exif, xmp, texts, comments } = metadata;
  const { colorCode, colorChunks, density } = look;
  const lost: string[] = [];
  if (deepPixels && !deepFormats.has(format)) lost.push('16-bit samples (8-bit now)');
  if (alpha && format === 'jpeg') lost.push('alpha (laid on white)');
  if (colorCode && !isPlainCode(colorCode) && !holdsCode(format, look))
    lost.push('coded colour description (cICP or nclx)');
  if (colorChunks?.length && format !== 'png')
    lost.push(`PNG chunks ${colorChunks.map(({ type }) => type).join(', ')}`);
  if (density && (format === 'webp' || format === 'avif') && exif && !hasDensity(exif))
    lost.push('print resolution');
  if (exif && format === 'tiff' && exifHoldsMakerNote(exif)) lost.push(makerNotes);
  if (exif && format === 'jpeg' && exif.length > maxSegmentBytes - exifStart.length)
    lost.push('EXIF (too long for JPEG)');
  if (xmp && format === 'jpeg' && xmp.length > maxSegmentBytes - xmpStart.length)
    lost.push('XMP (too long for JPEG)');
  if (texts?.length && format !== 'png')
    lost.push(texts.length === 1 ? 'a text chunk' : `${texts.length} text chunks`);
  if (comments?.length && format !== 'jpeg') lost.push('comment');
  return lost;
}

/** An AVIF with a profile has no code beside it here. */
function holdsCode(format: ImageFormat, { profile }: ImageLook): boolean {
  return format === 'png' || (format === 'avif' && profile === undefined);
}

const deepFormats: ReadonlySet<ImageFormat> = new Set(['png', 'tiff']);

function rawImage(pixels: Pixels, format: ImageFormat, alpha: Pixels | undefined): Sharp {
  const { width, height, data } = pixels;
  const channels = alpha ? 4 : 3;
  // How large a result may be is asked before it is made: `requireEncodable`.
  const options = { raw: { width, height, channels }, limitInputPixels: false } as const;
  if (isBytePixels(pixels) && !alpha) return sharp(pixels.data, options);
  const deep = !isBytePixels(pixels) && deepFormats.has(format);
  const step = deep ? deepStep : 1;
  const samples = deep
    ? new Uint16Array(width * height * channels)
    : new Uint8ClampedArray(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) samples[channels * i + c] = Math.round(data[3 * i + c]! * step);
    if (alpha) samples[4 * i + 3] = Math.round(alpha.data[i]! * step);
  }
  const image = sharp(samples, options);
  // sharp writes 8 bits unless told.
  return deep ? image.toColourspace('rgb16') : image;
}

const writers: { readonly [F in ImageFormat]: (image: Sharp) => Sharp } = {
  png: (image) => image.png(),
  // Huffman tables of its own would make a photo a tenth to a fifth smaller, and take ten times as long.
  jpeg: (image) => image.jpeg({ quality: 95, chromaSubsampling: '4:4:4', optimiseCoding: false }),
  // The colours under full transparency as they are.
  webp: (image) => image.webp({ lossless: true, exact: true }),
  avif: (image) => image.avif({ lossless: true }),
  tiff: (image) => image.tiff({ compression: 'deflate', predictor: 'horizontal' }),
};
