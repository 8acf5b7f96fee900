/** Files of the ISO base media format (AVIF): boxes one after another. */

import { latin1Text } from './bytes.ts';

/**
 * Whether the last box is longer than what is left of the file.
 * @see ISO/IEC 14496-12, section 4.2
 */
export function isCutIsobmff(file: Uint8Array): boolean {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 0; at < file.length; ) {
    if (at + 8 > file.length) return true;
    // What follows the boxes is no box.
    if (!/^[\x20-\x7e]{4}$/.test(latin1Text(file.subarray(at + 4, at + 8)))) return false;
    let length = view.getUint32(at);
    if (length === 0) return false; // to the end of the file
    if (length === 1) {
      if (at + 16 > file.length) return true;
      length = Number(view.getBigUint64(at + 8));
    }
    if (length < 8) return false;
    at += length;
    if (at > file.length) return true;
  }
  return false;
}
