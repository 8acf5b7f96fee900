/**
 * The blocks of GIF files.
 * @see CompuServe, GIF89a Specification, 1990
 */

import { concatBytes } from './bytes.ts';

const block = { extension: 0x21, image: 0x2c, trailer: 0x3b } as const;
const commentLabel = 0xfe;
const screenEnd = 13;
const descriptorBytes = 10;

/** Bytes of a colour table that the flags before it tell of. */
function colorTableBytes(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** @returns the comments, and whether the file goes on to its end mark */
export function readGifBlocks(gif: Uint8Array): {
  readonly comments: readonly Uint8Array[];
  readonly ended: boolean;
} {
  const comments: Uint8Array[] = [];
  let at = screenEnd + colorTableBytes(gif[screenEnd - 3] ?? 0);
  /** Content of the sub-blocks from `at` on; undefined if they do not end. */
  const readSubBlocks = (): Uint8Array[] | undefined => {
    const parts: Uint8Array[] = [];
    for (;;) {
      const length = gif[at];
      if (length === undefined || at + 1 + length > gif.length) return undefined;
      const part = gif.subarray(at + 1, at + 1 + length);
      at += 1 + length;
      if (length === 0) return parts;
      parts.push(part);
    }
  };
  while (at < gif.length) {
    const kind = gif[at];
    if (kind === block.trailer) return { comments, ended: true };
    const label = gif[at + 1];
    if (kind === block.extension) at += 2;
    // After the descriptor, its colour table and the size of its codes.
    else if (kind === block.image)
      at += descriptorBytes + colorTableBytes(gif[at + descriptorBytes - 1] ?? 0) + 1;
    else break;
    const parts = readSubBlocks();
    if (!parts) break;
    if (kind === block.extension && label === commentLabel) comments.push(concatBytes(parts));
  }
  return { comments, ended: false };
}
