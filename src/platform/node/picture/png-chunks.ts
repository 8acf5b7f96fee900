/** Colour profiles and descriptions in PNG files. */

import { crc32, deflateSync } from 'node:zlib';

/** The signature (8 bytes) and the IHDR chunk (25 bytes) open every PNG file; others may follow at once. */
const headerBytes = 33;

export interface PngExtras {
  /** ICC profile */
  readonly profile?: Uint8Array;
  /** EXIF from its byte-order mark on */
  readonly exif?: Uint8Array;
  /** XMP packet */
  readonly xmp?: Uint8Array;
}

/**
 * A PNG file with more in it; its pixels stay as they are.
 * @param png a file without iCCP, sRGB, eXIf and XMP chunks
 * @see W3C, Portable Network Graphics (Third Edition), 11.3.2.3, 11.3.3.4 and 11.3.4.2
 */
export function insertPngChunks(png: Uint8Array, { profile, exif, xmp }: PngExtras): Uint8Array {
  const chunks: Uint8Array[] = [];
  // Name, its terminator, compression method 0 (deflate), the compressed profile.
  if (profile) chunks.push(chunk('iCCP', Buffer.from('ICC profile\0\0', 'latin1'), deflateSync(profile)));
  // Keyword, not compressed, no language, no translated keyword.
  if (xmp) chunks.push(chunk('iTXt', Buffer.from('XML:com.adobe.xmp\0\0\0\0\0', 'latin1'), xmp));
  if (exif) chunks.push(chunk('eXIf', exif));
  return Buffer.concat([png.subarray(0, headerBytes), ...chunks, png.subarray(headerBytes)]);
}

function chunk(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const bytes = Buffer.alloc(content.length + 12);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, 'latin1');
  content.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), content.length + 8);
  return bytes;
}
