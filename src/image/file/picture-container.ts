/**
 * What a picture file holds beside its pixels, by format; and the same picture with no more than a decoder needs, so
 * that nothing else is unpacked without limit.
 */

import type { ReadableFormat } from '../image-signature.ts';
import { latin1Text } from './bytes.ts';
import { type ColorCode, readCicp, readNclx } from './color-code.ts';
import type { Density } from './density.ts';
import { readGifBlocks } from './gif-blocks.ts';
import { isCutIsobmff } from './isobmff-end.ts';
import {
  contentAfter,
  exifStart,
  type JpegSegment,
  joinJpegSegments,
  jpegMarker,
  profileStart,
  readJfifDensity,
  readJpegSegments,
  xmpStart,
} from './jpeg-segments.ts';
import { pictureLimits } from './picture-limits.ts';
import {
  joinPngChunks,
  type PngChunk,
  pngKeyword,
  pngText,
  readPngChunks,
  readPngDensity,
  readPngXmp,
} from './png-chunks.ts';
import { readTiffTags } from './tiff-tags.ts';
import { isCutWebp, readWebpChunks, wholeWebpChunks } from './webp-chunks.ts';

export interface PictureContainer {
  /** for the decoder */
  readonly bytes: Uint8Array;
  /** absent where the format's are left to the decoder */
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
  readonly density?: Density;
  readonly colorCode?: ColorCode;
  /** what else a PNG says of its colours */
  readonly colorChunks?: readonly PngChunk[];
  /** text chunks of a PNG, or what a GIF has of the kind */
  readonly texts?: readonly PngChunk[];
  /** of a JPEG */
  readonly comments?: readonly Uint8Array[];
  /** Which sample beyond the colours is opacity, where the file tells; undefined: none is. */
  readonly alpha?: { readonly sample: number | undefined; readonly others: number };
  /** The mark that ends the file is not there; `bytes` have one. */
  readonly endMissing: boolean;
  readonly dropped: readonly string[];
}

/** Takes a file apart as its format asks for; of formats without a reader of their own, the bytes stay as they are. */
export function openContainer(bytes: Uint8Array, format: ReadableFormat | undefined): PictureContainer {
  if (format === 'png') return openPng(bytes);
  if (format === 'jpeg') return openJpeg(bytes);
  if (format === 'tiff') {
    const { alphaSample, otherSamples, ...tags } = readTiffTags(bytes);
    return {
      ...tags,
      bytes,
      alpha: { sample: alphaSample, others: otherSamples },
      endMissing: false,
    };
  }
  if (format === 'webp') return openWebp(bytes);
  if (format === 'gif') return openGif(bytes);
  const colorCode = format === 'avif' ? readNclx(bytes) : undefined;
  const endMissing = format === 'avif' && isCutIsobmff(bytes);
  return { bytes, ...(colorCode && { colorCode }), endMissing, dropped: [] };
}

/** What remains of a cut one may hold all of the picture. */
function openWebp(webp: Uint8Array): PictureContainer {
  const endMissing = isCutWebp(webp);
  return { bytes: endMissing ? wholeWebpChunks(webp) : webp, endMissing, dropped: unknownWebpChunks(webp) };
}

/** Comments become texts of the PNG that results are written as. */
function openGif(gif: Uint8Array): PictureContainer {
  const { comments, ended } = readGifBlocks(gif);
  const texts = new BoundedTexts<PngChunk>();
  for (const comment of comments) texts.add(pngText('Comment', comment), comment.length);
  return { bytes: gif, texts: texts.kept, endMissing: !ended, dropped: texts.dropped };
}

const pixelChunks: ReadonlySet<string> = new Set([
  ...['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'],
  ...['iCCP', 'sRGB', 'eXIf'],
]);
const colorChunks: ReadonlySet<string> = new Set(['gAMA', 'cHRM', 'sRGB', 'mDCV', 'cLLI']);
const textChunks: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt']);
/** Frames of an animation; `acTL` counts them. */
const frameChunks: ReadonlySet<string> = new Set(['fcTL', 'fdAT']);

function openPng(png: Uint8Array): PictureContainer {
  const needed: PngChunk[] = [];
  const found: { exif?: Uint8Array; xmp?: Uint8Array; density?: Density; colorCode?: ColorCode } = {};
  const colors: PngChunk[] = [];
  const texts = new BoundedTexts<PngChunk>();
  const others = new Set<string>();
  let frames = 1;
  for (const chunk of readPngChunks(png)) {
    const { type, content } = chunk;
    if (pixelChunks.has(type)) needed.push(chunk);
    if (type === 'eXIf') found.exif = content;
    else if (type === 'pHYs') found.density = readPngDensity(chunk);
    else if (type === 'cICP') found.colorCode = readCicp(content);
    else if (colorChunks.has(type)) colors.push(chunk);
    else if (textChunks.has(type)) {
      const xmp = readPngXmp(chunk);
      if (xmp) found.xmp = xmp;
      else if (/^(Raw profile type|XML:com\.adobe\.xmp)/.test(pngKeyword(chunk))) others.add('raw profile');
      else texts.add(chunk, content.length);
    } else if (type === 'acTL' && content.length === 8)
      frames = new DataView(content.buffer, content.byteOffset).getUint32(0);
    else if (!pixelChunks.has(type) && !frameChunks.has(type) && /^[A-Za-z]{4}$/.test(type)) others.add(type);
  }
  const endMissing = needed.at(-1)?.type !== 'IEND';
  if (endMissing) needed.push({ type: 'IEND', content: new Uint8Array(0) });
  return {
    // The first chunk is the header's, or this is no PNG: the decoder says so.
    bytes: needed[0]?.type === 'IHDR' ? joinPngChunks(needed) : png,
    ...found,
    colorChunks: colors,
    texts: texts.kept,
    endMissing,
    dropped: [
      ...(others.size > 0 ? [`PNG chunks ${[...others].sort().join(', ')}`] : []),
      ...(frames > 1 ? [countPages(frames)] : []),
      ...texts.dropped,
    ],
  };
}

/** @param all pages or frames of a file */
export function countPages(all: number): string {
  return `${all - 1} more ${all === 2 ? 'page or frame' : 'pages or frames'}`;
}

/** As many texts as metadata may be. */
class BoundedTexts<T> {
  readonly kept: T[] = [];
  #bytes = 0;
  #dropped = 0;

  add(text: T, bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > pictureLimits.metadataBytes || this.kept.length >= pictureLimits.texts) this.#dropped++;
    else this.kept.push(text);
  }

  get dropped(): string[] {
    return this.#dropped > 0 ? [`${this.#dropped} texts (too many, or too long)`] : [];
  }
}

const app = { first: 0xe0, last: 0xef, iptc: 0xed, adobe: 0xee } as const;

function openJpeg(jpeg: Uint8Array): PictureContainer {
  const { segments, trailer } = readJpegSegments(jpeg);
  const needed: JpegSegment[] = [];
  const found: { exif?: Uint8Array; xmp?: Uint8Array; density?: Density } = {};
  const comments = new BoundedTexts<Uint8Array>();
  const dropped = new Set<string>();
  for (const segment of segments) {
    const { marker, content } = segment;
    const exif = marker === jpegMarker.app1 ? contentAfter(segment, exifStart) : undefined;
    const xmp = marker === jpegMarker.app1 ? contentAfter(segment, xmpStart) : undefined;
    if (exif && !found.exif) {
      found.exif = exif;
      needed.push(segment);
    } else if (xmp && !found.xmp) found.xmp = xmp;
    else if (marker === jpegMarker.com) comments.add(content, content.length);
    else if (isNeeded(segment)) {
      found.density ??= readJfifDensity(segment);
      needed.push(segment);
    } else dropped.add(nameOf(segment));
  }
  if (trailer) for (const name of describeTrailer(trailer)) dropped.add(name);
  return {
    bytes: joinJpegSegments(needed),
    ...found,
    comments: comments.kept,
    endMissing: trailer === undefined,
    dropped: [...dropped, ...comments.dropped],
  };
}

function isNeeded(segment: JpegSegment): boolean {
  const { marker } = segment;
  if (marker < app.first || marker > app.last) return true;
  if (marker === jpegMarker.app0 || marker === app.adobe) return true;
  return marker === jpegMarker.app2 && contentAfter(segment, profileStart) !== undefined;
}

function nameOf(segment: JpegSegment): string {
  const { marker } = segment;
  if (marker === app.iptc && contentAfter(segment, 'Photoshop 3.0\0')) return 'IPTC';
  if (marker === jpegMarker.app2 && contentAfter(segment, 'MPF\0')) return 'further pictures in the file';
  if (contentAfter(segment, 'http://ns.adobe.com/xmp/extension/\0')) return 'extended XMP';
  return `JPEG segment APP${marker - app.first}`;
}

function describeTrailer(trailer: Uint8Array): string[] {
  // Padding is nothing.
  if (trailer.every((byte) => byte === 0 || byte === 0xff)) return [];
  const head = latin1Text(trailer.subarray(0, 1 << 16));
  if (/ftyp|MotionPhoto_Data/.test(head)) return ['motion photo'];
  if (head.startsWith('\xff\xd8')) return ['further pictures in the file'];
  return [`${trailer.length} bytes behind the picture`];
}

const webpChunks: ReadonlySet<string> = new Set([
  ...['VP8X', 'VP8 ', 'VP8L', 'ALPH', 'ANIM', 'ANMF'],
  ...['ICCP', 'EXIF', 'XMP '],
]);

function unknownWebpChunks(webp: Uint8Array): string[] {
  const names = new Set<string>();
  for (const { type } of readWebpChunks(webp))
    if (!webpChunks.has(type)) names.add(type.replace(/[^\w ]/g, '?'));
  return names.size > 0 ? [`WebP chunks ${[...names].slice(0, 8).join(', ')}`] : [];
}
