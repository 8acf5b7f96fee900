/** What kind of picture a file holds, told by its first bytes: names lie. */

/** Kinds that can be read. */
export type ReadableFormat = 'png' | 'jpeg' | 'webp' | 'avif' | 'tiff' | 'gif';

export interface ImageSignature {
  /** e.g. 'BMP'; for people */
  readonly name: string;
  /** absent: a picture that cannot be read here */
  readonly format?: ReadableFormat;
}

/** How many first bytes `readImageSignature` looks at. */
export const SIGNATURE_BYTES = 64;

const fixed: readonly (readonly [prefix: string, signature: ImageSignature])[] = [
  ['\x89PNG\r\n\x1a\n', { name: 'PNG', format: 'png' }],
  ['\xff\xd8\xff', { name: 'JPEG', format: 'jpeg' }],
  ['GIF87a', { name: 'GIF', format: 'gif' }],
  ['GIF89a', { name: 'GIF', format: 'gif' }],
  ['II*\0', { name: 'TIFF', format: 'tiff' }],
  ['MM\0*', { name: 'TIFF', format: 'tiff' }],
  ['II+\0', { name: 'TIFF', format: 'tiff' }],
  ['MM\0+', { name: 'TIFF', format: 'tiff' }],
  ['\xff\x0a', { name: 'JPEG XL' }],
  ['\0\0\0\x0cJXL \r\n\x87\n', { name: 'JPEG XL' }],
  ['\0\0\0\x0cjP  \r\n\x87\n', { name: 'JPEG 2000' }],
  ['8BPS', { name: 'Photoshop' }],
  ['<svg', { name: 'SVG' }],
  ['<?xml', { name: 'XML or SVG' }],
  ['%PDF-', { name: 'PDF' }],
];

/** The kind of picture that begins with these bytes; undefined for anything that is no picture. */
export function readImageSignature(bytes: Uint8Array): ImageSignature | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, SIGNATURE_BYTES));
  const known = fixed.find(([prefix]) => head.startsWith(prefix));
  if (known) return known[1];
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return { name: 'WebP', format: 'webp' };
  if (head.startsWith('BM') && head.startsWith('\0\0\0\0', 6)) return { name: 'BMP' };
  if (head.startsWith('ftyp', 4)) return isobmffSignature(bytes, head);
  return undefined;
}

/** ISO base media files name their major brand and, up to the end of the first box, compatible ones. */
function isobmffSignature(bytes: Uint8Array, head: string): ImageSignature | undefined {
  const boxEnd = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const brands = head.slice(8, Math.min(boxEnd, SIGNATURE_BYTES)).match(/.{4}/gs) ?? [];
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return { name: 'AVIF', format: 'avif' };
  if (brands.some((brand) => /^(he[ivm]|mif1|msf1)/.test(brand))) return { name: 'HEIC' };
  return undefined;
}
