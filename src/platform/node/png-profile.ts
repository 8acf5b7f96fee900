/** Colour profiles in PNG files. */

import { crc32, deflateSync } from 'node:zlib';

/** The signature (8 bytes) and the IHDR chunk (25 bytes) open every PNG file; iCCP may follow at once. */
const headerBytes = 33;

/**
 * A PNG file with an ICC profile in it; its pixels stay as they are.
 * @param png a file without iCCP and sRGB chunks
 * @see W3C, Portable Network Graphics (Third Edition), 11.3.2.3
 */
export function insertPngProfile(png: Uint8Array, profile: Uint8Array): Uint8Array {
  // Name, its terminator, compression method 0 (deflate), the compressed profile.
  const content = Buffer.concat([Buffer.from('ICC profile\0\0', 'latin1'), deflateSync(profile)]);
  const chunk = Buffer.alloc(content.length + 12);
  chunk.writeUInt32BE(content.length, 0);
  chunk.write('iCCP', 4, 'latin1');
  content.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), content.length + 8);
  return Buffer.concat([png.subarray(0, headerBytes), chunk, png.subarray(headerBytes)]);
}
