/** How large a picture is, told by the first bytes of its file: before anything of it is unpacked. */

import type { ReadableFormat } from '../../image/image-signature.ts';
import type { Size } from '../../image/resize.ts';

/** @returns undefined where the file does not say it as its format should */
export function readPictureSize(bytes: Uint8Array, format: ReadableFormat): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readers[format]?.(view);
  } catch {
    return undefined; // beyond the end
  }
}

const readers: { readonly [F in ReadableFormat]?: (view: DataView) => Size | undefined } = {
  png: (view) => ({ width: view.getUint32(16), height: view.getUint32(20) }),
  gif: (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  jpeg: jpegSize,
  webp: webpSize,
  avif: avifSize,
};

/** Of the first start of frame. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
}

function webpSize(view: DataView): Size | undefined {
  const kind = String.fromCharCode(...[12, 13, 14, 15].map((at) => view.getUint8(at)));
  const uint24 = (at: number): number => view.getUint16(at, true) + 65_536 * view.getUint8(at + 2);
  if (kind === 'VP8X') return { width: uint24(24) + 1, height: uint24(27) + 1 };
  if (kind === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/** The largest of the image spatial extents: a grid's is that of the whole. */
function avifSize(view: DataView): Size | undefined {
  let largest: Size | undefined;
  const end = Math.min(view.byteLength, 1 << 16) - 16;
  for (let at = 4; at < end; at++) {
    if (view.getUint32(at) !== 0x69_73_70_65) continue; // ispe
    const size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (!largest || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}
