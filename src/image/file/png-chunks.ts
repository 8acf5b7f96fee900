/**
 * The chunks of PNG files.
 * @see W3C, Portable Network Graphics (Third Edition), chapter 11
 */

import { Unzlib, zlibSync } from 'fflate';
import { crc32 } from '../../checkpoint/crc32.ts';
import { concatBytes, latin1Bytes, latin1Text, uint32Bytes } from './bytes.ts';
import { convertDensity, type Density, statedDensity } from './density.ts';
import { pictureLimits } from './picture-limits.ts';

export interface PngChunk {
  readonly type: string;
  readonly content: Uint8Array;
}

const signatureBytes = 8;
/** Of a chunk: its length and type before its content, a checksum after it. */
const frameBytes = 12;

/** The chunks one after another, up to the end of the file or the first that is not whole. */
export function* readPngChunks(png: Uint8Array): Generator<PngChunk> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = signatureBytes; at + frameBytes <= png.length; ) {
    const length = view.getUint32(at);
    const end = at + frameBytes + length;
    if (end > png.length) return;
    const type = latin1Text(png.subarray(at + 4, at + 8));
    yield { type, content: png.subarray(at + 8, end - 4) };
    if (type === 'IEND') return;
    at = end;
  }
}

/** A PNG file of these chunks. */
export function joinPngChunks(chunks: readonly PngChunk[]): Uint8Array {
  return concatBytes([
    latin1Bytes('\x89PNG\r\n\x1a\n'),
    ...chunks.flatMap(({ type, content }) => {
      const name = latin1Bytes(type);
      return [uint32Bytes(content.length), name, content, uint32Bytes(crc32(concatBytes([name, content])))];
    }),
  ]);
}

export interface PngExtras {
  /** ICC profile */
  readonly profile?: Uint8Array;
  /** EXIF from its byte-order mark on */
  readonly exif?: Uint8Array;
  /** XMP packet */
  readonly xmp?: Uint8Array;
  readonly density?: Density;
  /** as they are, before the pixels */
  readonly chunks?: readonly PngChunk[];
}

/** A PNG file with all of this and no other density; its pixels stay as they are. */
export function insertPngChunks(
  png: Uint8Array,
  { profile, exif, xmp, density, chunks = [] }: PngExtras,
): Uint8Array {
  const [header, ...rest] = readPngChunks(png);
  const more: PngChunk[] = [];
  // Name, its terminator, compression method 0 (deflate), the compressed profile.
  if (profile) more.push({ type: 'iCCP', content: concat('ICC profile\0\0', zlibSync(profile)) });
  more.push(...chunks);
  if (density) more.push({ type: 'pHYs', content: densityChunk(density) });
  // Keyword, not compressed, no language, no translated keyword.
  if (xmp) more.push({ type: 'iTXt', content: concat(`${xmpKeyword}\0\0\0\0\0`, xmp) });
  if (exif) more.push({ type: 'eXIf', content: exif });
  return joinPngChunks([header!, ...more, ...rest.filter(({ type }) => type !== 'pHYs')]);
}

function concat(start: string, content: Uint8Array): Uint8Array {
  return concatBytes([latin1Bytes(start), content]);
}

function densityChunk(density: Density): Uint8Array {
  const { x, y, unit } = convertDensity(density, 'metre');
  const whole = (value: number): Uint8Array => uint32Bytes(Math.min(Math.round(value), 0x7fffffff));
  return concatBytes([whole(x), whole(y), Uint8Array.of(unit === 'none' ? 0 : 1)]);
}

/** The print resolution of a pHYs chunk; undefined if it has not its length, or none that makes sense. */
export function readPngDensity({ content }: PngChunk): Density | undefined {
  if (content.length !== 9) return undefined;
  const view = new DataView(content.buffer, content.byteOffset);
  return statedDensity(view.getUint32(0), view.getUint32(4), content[8] === 1 ? 'metre' : 'none');
}

const xmpKeyword = 'XML:com.adobe.xmp';

/** The keyword of a text chunk. */
export function pngKeyword({ content }: PngChunk): string {
  const end = content.indexOf(0);
  return latin1Text(content.subarray(0, end === -1 ? 80 : end));
}

/** A text chunk: of Latin-1 where all letters are of ASCII, else of UTF-8. */
export function pngText(keyword: string, text: Uint8Array): PngChunk {
  const start = latin1Bytes(`${keyword}\0`);
  if (text.every((byte) => byte < 0x80)) return { type: 'tEXt', content: concatBytes([start, text]) };
  // Not compressed, in no language, with no translated keyword.
  const utf8 = new TextEncoder().encode(decodeText(text));
  return { type: 'iTXt', content: concatBytes([start, Uint8Array.of(0, 0, 0, 0), utf8]) };
}

/** As UTF-8 if it is that, else as Latin-1. */
function decodeText(text: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(text);
  } catch {
    return latin1Text(text);
  }
}

/** The packet of an XMP chunk; undefined if this is another, or damaged. */
export function readPngXmp(chunk: PngChunk): Uint8Array | undefined {
  if (chunk.type !== 'iTXt' || pngKeyword(chunk) !== xmpKeyword) return undefined;
  const { content } = chunk;
  const compressed = content[xmpKeyword.length + 1] === 1;
  const language = content.indexOf(0, xmpKeyword.length + 3);
  const translation = language === -1 ? -1 : content.indexOf(0, language + 1);
  if (translation === -1) return undefined;
  const text = content.subarray(translation + 1);
  try {
    return compressed ? inflate(text, pictureLimits.metadataBytes) : text;
  } catch {
    return undefined;
  }
}

const inflateStep = 1024;

/** @throws {RangeError} for more than `most` bytes */
export function inflate(packed: Uint8Array, most: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const unpacking = new Unzlib((part) => {
    bytes += part.length;
    if (bytes > most) throw new RangeError(`it has more than ${most} bytes`);
    parts.push(part);
  });
  for (let at = 0; at < packed.length; at += inflateStep)
    unpacking.push(packed.subarray(at, at + inflateStep), at + inflateStep >= packed.length);
  return concatBytes(parts);
}
