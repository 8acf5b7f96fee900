/**
 * Picture files to pixels and back, with sharp.
 *
 * Colour: the numbers of an RGB picture are taken as they are and its colour profile goes into the result, so
 * that colours outside sRGB survive and the picture looks the same; the networks read the numbers as sRGB.
 * CMYK, grayscale and Lab pictures are converted to sRGB by their profile, which the result then does not need.
 * Alpha: the colours are laid on white, which the networks can make sense of; the alpha channel goes into the
 * result where its format has one. 16-bit samples become 8-bit. Orientation is applied. EXIF, XMP and IPTC are
 * left out, and so are all but the first page or frame.
 */

import { open, stat } from 'node:fs/promises';
import sharp, { type Metadata, type Sharp } from 'sharp';
import type { BytePixels } from '../../image/pixels.ts';
import { type ReadableFormat, readImageSignature } from './image-signature.ts';
import { insertPngProfile } from './png-profile.ts';
import { explainSystemError } from './system-error.ts';

/** Formats that can be written. */
export const imageFormats = ['png', 'jpeg', 'webp', 'avif', 'tiff'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export interface ReadLimits {
  /** width × height, default 100 million */
  maxPixels?: number;
  /** size of the file, default 512 MiB */
  maxBytes?: number;
}

export interface ImageFile {
  /** upright, RGB, on white where the picture is transparent */
  readonly pixels: BytePixels;
  /** one channel, 255 opaque; absent if the picture is opaque everywhere */
  readonly alpha?: BytePixels;
  readonly format: ReadableFormat;
  /** ICC profile of the RGB numbers; absent: sRGB */
  readonly profile?: Uint8Array;
  /** what the file holds that `pixels`, `alpha` and `profile` do not, e.g. 'EXIF' */
  readonly dropped: readonly string[];
  /** what was done to the picture, e.g. 'converted from CMYK to sRGB' */
  readonly notes: readonly string[];
}

const defaultMaxPixels = 100_000_000;
const defaultMaxBytes = 512 * 2 ** 20;
const maxProfileBytes = 4 * 2 ** 20;

/**
 * Reads a picture: PNG, JPEG, WebP, AVIF, TIFF or GIF by its first bytes, whatever its name.
 * @throws {Error} naming `path`, if it cannot be read, is no such picture, is damaged or exceeds the limits
 */
export async function readImageFile(path: string, limits: ReadLimits = {}): Promise<ImageFile> {
  try {
    return await decodeImage(await readBounded(path, limits.maxBytes ?? defaultMaxBytes), limits);
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${explainSystemError(error)}`, { cause: error });
  }
}

async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  // Asked before opening: opening a pipe waits for a writer.
  if (!(await stat(path)).isFile()) throw new Error('it is not a regular file');
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes)
      throw new RangeError(`it has ${size} bytes, more than the ${maxBytes} that a picture may have`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** As `readImageFile`, from the bytes of a file; errors say the cause only. */
export async function decodeImage(bytes: Uint8Array, limits: ReadLimits = {}): Promise<ImageFile> {
  if (bytes.length === 0) throw new SyntaxError('the file is empty');
  const signature = readImageSignature(bytes);
  if (!signature) throw new SyntaxError('it is not a picture');
  if (!signature.format)
    throw new SyntaxError(`${signature.name} files cannot be read; convert it to PNG or JPEG first`);

  const maxPixels = limits.maxPixels ?? defaultMaxPixels;
  try {
    const options = { failOn: 'error', limitInputPixels: maxPixels } as const;
    const metadata = await sharp(bytes, options).metadata();
    const color = readColor(metadata);
    const decoder = sharp(bytes, { ...options, ignoreIcc: !color.convert })
      .autoOrient()
      .toColourspace('srgb');
    const { pixels, alpha } = await splitAlpha(decoder);
    return {
      pixels,
      alpha,
      format: signature.format,
      profile: color.profile,
      dropped: [...color.dropped, ...listDropped(metadata)],
      notes: color.notes,
    };
  } catch (error) {
    throw new Error(explainSharpError(error, signature.name, maxPixels), { cause: error });
  }
}

interface ColorHandling {
  /** to sRGB, by the embedded profile if there is one */
  readonly convert: boolean;
  readonly profile?: Uint8Array;
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
}

/** Signatures of colour spaces in the header of an ICC profile, by libvips's name of the space. */
const profileSpaces: Readonly<Record<string, string>> = {
  srgb: 'RGB ',
  rgb16: 'RGB ',
  cmyk: 'CMYK',
  'b-w': 'GRAY',
  grey16: 'GRAY',
};

const spaceNames: Readonly<Record<string, string>> = {
  cmyk: 'CMYK',
  lab: 'Lab',
  labs: 'Lab',
  scrgb: 'linear RGB',
};

function readColor({ space, icc }: Metadata): ColorHandling {
  const name = spaceNames[space];
  const notes = name ? [`converted from ${name} to sRGB`] : [];
  if (!icc) return { convert: true, dropped: [], notes };
  // An ICC profile has its colour space at byte 16 and its file signature at byte 36.
  const profileSpace = icc.toString('latin1', 16, 20);
  if (icc.toString('latin1', 36, 40) !== 'acsp' || profileSpaces[space] !== profileSpace)
    return { convert: false, dropped: ['colour profile (it does not fit the picture)'], notes };
  if (profileSpace === 'RGB ' && icc.length <= maxProfileBytes)
    return { convert: false, profile: icc, dropped: [], notes };
  const dropped = [`${profileSpace.trim()} colour profile (converted to sRGB)`];
  return { convert: true, dropped, notes };
}

function listDropped(metadata: Metadata): string[] {
  const dropped: string[] = [];
  if (metadata.depth !== 'uchar')
    dropped.push(`${metadata.bitsPerSample ?? 'more than 8'}-bit samples (8-bit now)`);
  if (metadata.exif) dropped.push('EXIF');
  if (metadata.xmp) dropped.push('XMP');
  if (metadata.iptc) dropped.push('IPTC');
  if (metadata.gainMap) dropped.push('HDR gain map');
  const more = (metadata.pages ?? 1) - 1;
  if (more > 0) dropped.push(`${more} more ${more === 1 ? 'page or frame' : 'pages or frames'}`);
  return dropped;
}

async function splitAlpha(decoder: Sharp): Promise<{ pixels: BytePixels; alpha?: BytePixels }> {
  const { data, info } = await decoder.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 3) return { pixels: { width, height, channels, data } };
  if (channels !== 4) throw new Error(`its pixels have ${channels} channels`);
  const pixels = { width, height, channels: 3, data: new Uint8Array(width * height * 3) } as const;
  const alpha = { width, height, channels: 1, data: new Uint8Array(width * height) } as const;
  for (let i = 0; i < alpha.data.length; i++) {
    const opacity = data[4 * i + 3]!;
    alpha.data[i] = opacity;
    for (let c = 0; c < 3; c++)
      pixels.data[3 * i + c] = Math.round(255 + ((data[4 * i + c]! - 255) * opacity) / 255);
  }
  return alpha.data.every((opacity) => opacity === 255) ? { pixels } : { pixels, alpha };
}

function explainSharpError(error: unknown, name: string, maxPixels: number): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  if (/pixel limit/.test(line))
    return `it has more than ${maxPixels / 1e6} million pixels; make it smaller first`;
  if (/premature end|end of file|out of (data|bounds)|truncated/i.test(line))
    return `the ${name} file ends too early (${line})`;
  return `the ${name} file is damaged or of a kind that cannot be read (${line})`;
}

/**
 * The bytes of a picture file, of high quality: PNG, TIFF and WebP without loss, JPEG at 95 and AVIF at 85 with
 * full colour resolution.
 * @param pixels three channels
 * @param extras `alpha` (one channel, the size of `pixels`) is ignored by JPEG, which has none
 */
export async function encodeImage(
  pixels: BytePixels,
  format: ImageFormat,
  extras: { alpha?: BytePixels; profile?: Uint8Array } = {},
): Promise<Uint8Array> {
  const { width, height } = pixels;
  let image = sharp(pixels.data, { raw: { width, height, channels: 3 } });
  if (extras.alpha && format !== 'jpeg')
    image = image.joinChannel(Buffer.from(extras.alpha.data), { raw: { width, height, channels: 1 } });
  if (!extras.profile) return writers[format](image).toBuffer();
  // sharp attaches a profile without converting the numbers only if the input carries it.
  if (format === 'png') return insertPngProfile(await writers.png(image).toBuffer(), extras.profile);
  const carrier = insertPngProfile(await image.png({ compressionLevel: 0 }).toBuffer(), extras.profile);
  return writers[format](sharp(carrier).keepIccProfile()).toBuffer();
}

const writers: { readonly [F in ImageFormat]: (image: Sharp) => Sharp } = {
  png: (image) => image.png(),
  jpeg: (image) => image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
  webp: (image) => image.webp({ lossless: true }),
  avif: (image) => image.avif({ quality: 85, chromaSubsampling: '4:4:4' }),
  tiff: (image) => image.tiff({ compression: 'deflate', predictor: 'horizontal' }),
};
