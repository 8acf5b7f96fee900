/**
 * Picture files to pixels, with sharp.
 *
 * Colour: the numbers of an RGB picture are taken as they are and its colour profile goes into the result, so
 * that colours outside sRGB survive and the picture looks the same; the networks read the numbers as sRGB.
 * CMYK, grayscale and Lab pictures are converted to sRGB by their profile, which the result then does not need.
 * Alpha: the colours are laid on white, which the networks can make sense of; the alpha channel goes into the
 * result where its format has one. Orientation is applied. EXIF and XMP are read for whoever wants to keep them; IPTC
 * is left out, and so are all but the first page or frame.
 */

import { open, stat } from 'node:fs/promises';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { type ReadableFormat, readImageSignature } from '../../../image/image-signature.ts';
import { type BytePixels, createPixels, type FloatPixels } from '../../../image/pixels.ts';
import { explainSystemError } from '../files/system-error.ts';

export interface ReadLimits {
  /** Also read samples of more than 8 bits as they are. */
  deep?: boolean;
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
  /** As `pixels`, with fractions for samples of more than 8 bits; only if asked for and there are such. */
  readonly deepPixels?: FloatPixels;
  readonly format: ReadableFormat;
  readonly metadata: ImageMetadata;
  /** ICC profile of the RGB numbers; absent: sRGB */
  readonly profile?: Uint8Array;
  /** what the file holds that the rest of this does not, e.g. 'IPTC' */
  readonly dropped: readonly string[];
  /** what was done to the picture, e.g. 'converted from CMYK to sRGB' */
  readonly notes: readonly string[];
}

export interface ImageMetadata {
  /** as in the file, orientation and thumbnail included */
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
}

const defaultMaxPixels = 100_000_000;
const defaultMaxBytes = 512 * 2 ** 20;
const maxProfileBytes = 4 * 2 ** 20;

/** Whether libvips decodes HEVC: sharp's own does not, one that the system brings may. Results are JPEG then. */
const readsHeic = sharp.format.heif.input.fileSuffix?.includes('.heic') ?? false;

/**
 * Reads a picture: PNG, JPEG, WebP, AVIF, TIFF or GIF by its first bytes, whatever its name; HEIC where libvips can.
 * @throws {Error} naming `path`, if it cannot be read, is no such picture, is damaged or exceeds the limits
 */
export async function readImageFile(path: string, limits: ReadLimits = {}): Promise<ImageFile> {
  return decodeImageOf(path, await readImageBytes(path, limits), limits);
}

/**
 * The bytes of a file for `decodeImageOf`.
 * @throws {Error} naming `path`, if it cannot be read or exceeds the limits
 */
export function readImageBytes(path: string, limits: Pick<ReadLimits, 'maxBytes'> = {}): Promise<Uint8Array> {
  return naming(path, readBounded(path, limits.maxBytes ?? defaultMaxBytes));
}

/** As `readImageFile`, from bytes that were read before. */
export function decodeImageOf(path: string, bytes: Uint8Array, limits: ReadLimits = {}): Promise<ImageFile> {
  return naming(path, decodeImage(bytes, limits));
}

function naming<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw new Error(`Cannot read ${path}: ${explainSystemError(cause)}`, { cause });
  });
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
  const format = signature.format ?? (signature.name === 'HEIC' && readsHeic ? 'jpeg' : undefined);
  if (!format)
    throw new SyntaxError(`${signature.name} files cannot be read; convert it to PNG or JPEG first`);

  const maxPixels = limits.maxPixels ?? defaultMaxPixels;
  try {
    const options = { failOn: 'error', limitInputPixels: maxPixels } as const;
    const metadata = await sharp(bytes, options).metadata();
    const color = readColor(metadata);
    const upright = sharp(bytes, { ...options, ignoreIcc: !color.convert }).autoOrient();
    const { pixels, alpha } = await splitAlpha(upright.clone().toColourspace('srgb'));
    const deep = limits.deep === true && metadata.depth === 'ushort';
    const { exif, xmp } = metadata;
    return {
      pixels,
      alpha,
      ...(deep && { deepPixels: await readDeepPixels(upright.clone().toColourspace('rgb16')) }),
      format,
      metadata: { ...(exif && { exif }), ...(xmp && { xmp }) },
      profile: color.profile,
      dropped: [...color.dropped, ...listDropped(metadata, deep)],
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

function listDropped(metadata: Metadata, deep: boolean): string[] {
  const dropped: string[] = [];
  if (metadata.depth !== 'uchar' && !deep)
    dropped.push(`${metadata.bitsPerSample ?? 'more than 8'}-bit samples (8-bit now)`);
  if (metadata.iptc) dropped.push('IPTC');
  if (metadata.gainMap) dropped.push('HDR gain map');
  const more = (metadata.pages ?? 1) - 1;
  if (more > 0) dropped.push(`${more} more ${more === 1 ? 'page or frame' : 'pages or frames'}`);
  return dropped;
}

async function splitAlpha(decoder: Sharp): Promise<{ pixels: BytePixels; alpha?: BytePixels }> {
  const { data, info } = await decoder.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 3) {
    // Not a Buffer, whose `slice` shares memory.
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
    return { pixels: { width, height, channels, data: bytes } };
  }
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

/** One step of 8 bits in 16. */
export const deepStep = 257;

/** RGB in 0..255 with fractions, on white where the picture is transparent. */
async function readDeepPixels(decoder: Sharp): Promise<FloatPixels> {
  const { data, info } = await decoder.raw({ depth: 'ushort' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const colors = new Float32Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const opacity = channels === 4 ? samples[4 * i + 3]! / 65535 : 1;
    for (let c = 0; c < 3; c++) {
      const value = samples[channels * i + c]! / deepStep;
      colors[3 * i + c] = opacity === 1 ? value : 255 + (value - 255) * opacity;
    }
  }
  return createPixels(width, height, 3, colors);
}

function explainSharpError(error: unknown, name: string, maxPixels: number): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  if (/pixel limit/.test(line))
    return `it has more than ${maxPixels / 1e6} million pixels; make it smaller first`;
  if (/premature end|end of file|out of (data|bounds)|truncated/i.test(line))
    return `the ${name} file ends too early (${line})`;
  return `the ${name} file is damaged or of a kind that cannot be read (${line})`;
}
