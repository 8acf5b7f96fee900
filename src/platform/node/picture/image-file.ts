/**
 * Picture files to pixels, with sharp.
 *
 * Colour: the numbers of an RGB picture are taken as they are and its colour profile goes into the result, so
 * that colours outside sRGB survive and the picture looks the same; the networks read the numbers as sRGB.
 * CMYK, grayscale and Lab pictures are converted to sRGB by their profile, which the result then does not need.
 * Alpha: the colours are those that the file holds, also where nothing of them is seen. Orientation is applied. What
 * else the file says of its picture is read for whoever wants to keep it; what is not is listed.
 */

import sharp, { type Metadata } from 'sharp';
import type { ColorCode } from '../../../image/file/color-code.ts';
import type { Density } from '../../../image/file/density.ts';
import { readIfd } from '../../../image/file/ifd.ts';
import { countPages, openContainer, type PictureContainer } from '../../../image/file/picture-container.ts';
import { pictureLimits } from '../../../image/file/picture-limits.ts';
import type { PngChunk } from '../../../image/file/png-chunks.ts';
import { bareExif, isCutTiff, readDensity } from '../../../image/file/tiff-tags.ts';
import { updateXmp } from '../../../image/file/xmp.ts';
import { type ReadableFormat, readImageSignature } from '../../../image/image-signature.ts';
import { explainSystemError } from '../files/system-error.ts';
import { bytesFor, readBounded, requireBounded } from './bounded-picture.ts';
import { type DecodedPixels, decodePixels, isFloat } from './decode-pixels.ts';
import { xmlCodec } from './xml-codec.ts';

export interface ReadLimits {
  /** Also read samples of more than 8 bits as they are. */
  deep?: boolean;
  /** Read a JPEG of which part of the picture is missing, as viewers do. */
  incomplete?: boolean;
  /** width × height, default 100 million, 400 million at most; beyond the default no sample keeps more than 8 bits */
  maxPixels?: number | undefined;
  /** size of the file, default 512 MiB, or what so many pixels take */
  maxBytes?: number | undefined;
}

export interface ImageFile extends DecodedPixels {
  readonly format: ReadableFormat;
  readonly metadata: ImageMetadata;
  readonly look: ImageLook;
  /** what the file holds that the rest of this does not, e.g. 'IPTC' */
  readonly dropped: readonly string[];
  /** what was done to the picture, e.g. 'converted from CMYK to sRGB' */
  readonly notes: readonly string[];
}

/** How the numbers of a picture are to be shown. */
export interface ImageLook {
  /** ICC profile of the RGB numbers; absent: sRGB */
  readonly profile?: Uint8Array;
  readonly colorCode?: ColorCode;
  /** what else a PNG says of its colours */
  readonly colorChunks?: readonly PngChunk[];
  /** how large it is printed; absent where the file does not say */
  readonly density?: Density;
}

export interface ImageMetadata {
  /** as in the file, orientation and thumbnail included */
  readonly exif?: Uint8Array;
  /** for the upright picture by itself */
  readonly xmp?: Uint8Array;
  /** text chunks of a PNG */
  readonly texts?: readonly PngChunk[];
  /** of a JPEG */
  readonly comments?: readonly Uint8Array[];
}

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
export function readImageBytes(
  path: string,
  { maxPixels = 0, maxBytes = Math.max(pictureLimits.bytes, bytesFor(maxPixels)) }: ByteLimits = {},
): Promise<Uint8Array> {
  return naming(path, readBounded(path, maxBytes));
}

type ByteLimits = Pick<ReadLimits, 'maxBytes' | 'maxPixels'>;

/** As `readImageFile`, from bytes that were read before. */
export function decodeImageOf(path: string, bytes: Uint8Array, limits: ReadLimits = {}): Promise<ImageFile> {
  return naming(path, decodeImage(bytes, limits));
}

function naming<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw new Error(`Cannot read ${path}: ${explainSystemError(cause)}`, { cause });
  });
}

/** As `readImageFile`, from the bytes of a file; errors say the cause only. */
export async function decodeImage(bytes: Uint8Array, limits: ReadLimits = {}): Promise<ImageFile> {
  if (bytes.length === 0) throw new SyntaxError('the file is empty');
  const signature = readImageSignature(bytes);
  if (!signature) throw new SyntaxError('it is not a picture');
  const format = signature.format ?? (signature.name === 'HEIC' && readsHeic ? 'jpeg' : undefined);
  if (!format)
    throw new SyntaxError(`${signature.name} files cannot be read; convert it to PNG or JPEG first`);

  const maxPixels = Math.min(limits.maxPixels ?? pictureLimits.pixels, pictureLimits.mostPixels);
  let endMissing = false;
  try {
    const container = openContainer(bytes, signature.format);
    endMissing = container.endMissing;
    const decoded = await decodeContainer(container, { ...limits, maxPixels });
    return { ...decoded, format };
  } catch (error) {
    // Libraries read TIFF files with much amiss: only of one that they cannot read its end is looked at.
    const cut = endMissing || (signature.format === 'tiff' && isCutTiff(bytes));
    throw new Error(explainSharpError(error, signature.name, cut), { cause: error });
  }
}

async function decodeContainer(
  container: PictureContainer,
  { deep = false, incomplete = false, maxPixels }: ReadLimits & { maxPixels: number },
): Promise<Omit<ImageFile, 'format'>> {
  const { bytes, endMissing } = container;
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  requireBounded(metadata, maxPixels);
  // As floats, which 16 bits become, they would take more memory than most machines have.
  const keepDeep = deep && metadata.width * metadata.height <= pictureLimits.pixels;
  const color = readColor(metadata);
  const alphaSample = container.alpha ? container.alpha.sample : 0;
  // A decoder warns of missing data only.
  const failOn = endMissing ? 'warning' : 'error';
  const decode = (strictness: 'warning' | 'error' | 'none'): Promise<DecodedPixels> => {
    const options = { failOn: strictness, limitInputPixels: maxPixels, ignoreIcc: !color.convert };
    const decoder = sharp(bytes, options).autoOrient();
    return decodePixels(decoder, { metadata, alphaSample, linear: color.linear, deep: keepDeep });
  };
  const notes = [...color.notes];
  const decoded = await decode(failOn).catch((error: unknown) => {
    if (!(endMissing && incomplete && metadata.format === 'jpeg')) throw error;
    notes.push('the file ends too early: part of the picture is missing');
    return decode('none');
  });
  if (endMissing && notes.length === color.notes.length)
    notes.push('the file ends too early: what is missing is no part of the picture');
  const kept = keepDescriptions(container, metadata);
  return {
    ...decoded,
    metadata: kept.metadata,
    look: {
      ...(color.profile && { profile: color.profile }),
      ...(!color.converted && keepColors(container)),
      ...(kept.density && { density: kept.density }),
    },
    dropped: [
      ...color.dropped,
      ...listDropped(metadata, keepDeep, container.alpha?.others ?? 0),
      ...container.dropped,
      ...kept.dropped,
    ].filter((name, i, all) => all.indexOf(name) === i),
    notes,
  };
}

function keepColors({ colorCode, colorChunks }: PictureContainer): ImageLook {
  return { ...(colorCode && { colorCode }), ...(colorChunks?.length && { colorChunks }) };
}

/** Within limits, and without what would not be true of the picture by itself. */
function keepDescriptions(
  container: PictureContainer,
  { exif: decodedExif, xmp: decodedXmp }: Metadata,
): { metadata: ImageMetadata; density?: Density; dropped: string[] } {
  const dropped: string[] = [];
  const bounded = (name: string, bytes: Uint8Array | undefined): Uint8Array | undefined => {
    if (bytes === undefined || bytes.length <= pictureLimits.metadataBytes) return bytes;
    dropped.push(`${name} (longer than ${pictureLimits.metadataBytes / 2 ** 20} MiB)`);
    return undefined;
  };
  const exif = bounded('EXIF', container.exif ?? decodedExif);
  const packet = bounded('XMP', container.xmp ?? decodedXmp);
  const updated = packet && updateXmp(packet, xmlCodec);
  dropped.push(...(updated?.dropped ?? []));
  const { texts, comments } = container;
  const ifd = exif && readIfd(bareExif(exif));
  const density = container.density ?? (ifd && readDensity(ifd));
  return {
    metadata: {
      ...(exif && { exif }),
      ...(updated?.xmp && { xmp: updated.xmp }),
      ...(texts?.length && { texts }),
      ...(comments?.length && { comments }),
    },
    ...(density && { density }),
    dropped,
  };
}

interface ColorHandling {
  /** to sRGB, by the embedded profile if there is one */
  readonly convert: boolean;
  /** The numbers are others than those of the file. */
  readonly converted: boolean;
  /** Floats are light: no profile says otherwise. */
  readonly linear: boolean;
  readonly profile?: Uint8Array;
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
}

/** Signatures of colour spaces in the header of an ICC profile, by libvips's name of the space. */
const profileSpaces: Readonly<Record<string, string>> = {
  srgb: 'RGB ',
  rgb16: 'RGB ',
  scrgb: 'RGB ',
  cmyk: 'CMYK',
  'b-w': 'GRAY',
  grey16: 'GRAY',
};

const spaceNames: Readonly<Record<string, string>> = {
  cmyk: 'CMYK',
  lab: 'Lab',
  labs: 'Lab',
};

function readColor({ space, icc, depth }: Metadata): ColorHandling {
  const name = isFloat({ depth, space }) ? 'linear light' : spaceNames[space];
  const notes = name ? [`converted from ${name} to sRGB`] : [];
  const converted = name !== undefined;
  if (!icc) return { convert: true, converted, linear: true, dropped: [], notes };
  // An ICC profile has its colour space at byte 16 and its file signature at byte 36.
  const profileSpace = icc.toString('latin1', 16, 20);
  if (icc.toString('latin1', 36, 40) !== 'acsp' || profileSpaces[space] !== profileSpace) {
    const dropped = ['colour profile (it does not fit the picture)'];
    return { convert: false, converted, linear: true, dropped, notes };
  }
  const own = { convert: false, converted: false, linear: false, notes: [] };
  if (profileSpace === 'RGB ' && icc.length <= pictureLimits.metadataBytes)
    return { ...own, profile: icc, dropped: [] };
  if (isFloat({ depth, space })) return { ...own, dropped: [`${profileSpace.trim()} colour profile`] };
  const dropped = [`${profileSpace.trim()} colour profile (converted to sRGB)`];
  return { convert: true, converted: true, linear: false, dropped, notes };
}

function listDropped(metadata: Metadata, deep: boolean, others: number): string[] {
  const { depth, bitsPerSample, pages = 1 } = metadata;
  const dropped: string[] = [];
  const wide = depth === 'uint' || isFloat(metadata);
  if (wide || (depth !== 'uchar' && !deep))
    dropped.push(`${bitsPerSample ?? 'more than 8'}-bit samples (${deep ? 16 : 8}-bit now)`);
  if (others > 0)
    dropped.push(
      `${others} ${others === 1 ? 'channel' : 'channels'} that ${others === 1 ? 'is' : 'are'} no transparency`,
    );
  if (metadata.gainMap) dropped.push('HDR gain map');
  if (pages > 1) dropped.push(countPages(pages));
  return dropped;
}

function explainSharpError(error: unknown, name: string, endMissing: boolean): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  const line = first.replace(/^Input buffer has corrupt header: ?/, '') || 'a bad header';
  // Ours, not the decoder's.
  if (line.startsWith('its ')) return line;
  if (endMissing || /premature end|end of file|out of (data|bounds)|truncated/i.test(line))
    return `the ${name} file ends too early (${line})`;
  return `the ${name} file is damaged or of a kind that cannot be read (${line})`;
}
