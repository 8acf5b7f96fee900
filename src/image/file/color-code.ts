/**
 * Coded descriptions of what the numbers of a picture mean, in AVIF's `nclx` and PNG's `cICP`.
 * @see ITU-T H.273; ISO/IEC 14496-12, 12.1.5
 */

export interface ColorCode {
  /** 1: those of sRGB, 9: BT.2020, 12: Display P3 … */
  readonly primaries: number;
  /** 13: sRGB, 16: PQ, 18: HLG … */
  readonly transfer: number;
}

/** sRGB, what is shown like it, and unspecified. */
const plainPrimaries: ReadonlySet<number> = new Set([1, 2]);
const plainTransfers: ReadonlySet<number> = new Set([1, 2, 6, 13, 14, 15]);

/** Whether a picture without the code looks the same. */
export function isPlainCode({ primaries, transfer }: ColorCode): boolean {
  return plainPrimaries.has(primaries) && plainTransfers.has(transfer);
}

/** Of a cICP chunk. */
export function readCicp(content: Uint8Array): ColorCode | undefined {
  return content.length === 4 ? { primaries: content[0]!, transfer: content[1]! } : undefined;
}

/** RGB over the whole range. */
export function cicpContent({ primaries, transfer }: ColorCode): Uint8Array {
  return Uint8Array.of(primaries, transfer, 0, 1);
}

const boxHeader = 8;

/** Where the box's fields are: primaries, transfer, matrix as 16 bits each. */
function findNclx(avif: Uint8Array): DataView | undefined {
  const view = new DataView(avif.buffer, avif.byteOffset, avif.byteLength);
  const typeAt = (at: number): string => String.fromCharCode(...avif.subarray(at, at + 4));
  const search = (start: number, end: number, [name, ...inner]: readonly string[]): number | undefined => {
    for (let at = start; at + boxHeader <= end; ) {
      const size = view.getUint32(at) || end - at;
      if (size < boxHeader || at + size > end) return undefined;
      if (typeAt(at + 4) === name) {
        // `meta` has a version before its contents.
        const content = at + boxHeader + (name === 'meta' ? 4 : 0);
        if (inner.length > 0) return search(content, at + size, inner);
        if (typeAt(content) === 'nclx' && size >= boxHeader + 10) return content + 4;
      }
      at += size;
    }
    return undefined;
  };
  const fields = search(0, avif.length, ['meta', 'iprp', 'ipco', 'colr']);
  return fields === undefined ? undefined : new DataView(avif.buffer, avif.byteOffset + fields, 6);
}

/** @returns what the `nclx` box of an AVIF says; undefined if it has none */
export function readNclx(avif: Uint8Array): ColorCode | undefined {
  const fields = findNclx(avif);
  return fields && { primaries: fields.getUint16(0), transfer: fields.getUint16(2) };
}

/**
 * Changes the code in place; how the numbers are encoded stays.
 * @returns whether the file has one
 */
export function writeNclx(avif: Uint8Array, { primaries, transfer }: ColorCode): boolean {
  const fields = findNclx(avif);
  fields?.setUint16(0, primaries);
  fields?.setUint16(2, transfer);
  return fields !== undefined;
}
