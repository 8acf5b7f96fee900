/**
 * Image file directories: the tables of tags in TIFF files and EXIF blocks.
 * @see TIFF 6.0, section 2; CIPA DC-008 (EXIF), 4.6
 */

import { concatBytes, latin1Bytes, latin1Text } from './bytes.ts';
import { pictureLimits } from './picture-limits.ts';

export interface IfdEntry {
  readonly tag: number;
  /** 2 ASCII, 3 SHORT, 4 LONG, 5 RATIONAL … */
  readonly type: number;
  readonly count: number;
  /** its values, little-endian */
  readonly data: Uint8Array;
  /** instead of an offset */
  readonly ifd?: Ifd;
}
export type Ifd = readonly IfdEntry[];

/** Bytes of one value of a type, and of the numbers in it. */
const valueBytes: Readonly<Record<number, readonly [value: number, number: number]>> = {
  1: [1, 1],
  2: [1, 1],
  3: [2, 2],
  4: [4, 4],
  5: [8, 4],
  6: [1, 1],
  7: [1, 1],
  8: [2, 2],
  9: [4, 4],
  10: [8, 4],
  11: [4, 4],
  12: [8, 8],
  13: [4, 4],
  16: [8, 8],
};

/** Tags whose value is the offset of another directory: EXIF, GPS, interoperability. */
const innerTags: ReadonlySet<number> = new Set([0x8769, 0x8825, 0xa005]);
const mostEntries = 1000;
const deepest = 2;

/**
 * The first directory of a TIFF file or an EXIF block, with those inside it. Damaged entries are left out, and so are
 * larger ones than metadata may be.
 * @returns undefined if there is no directory
 */
export function readIfd(bytes: Uint8Array): Ifd | undefined {
  const mark = latin1Text(bytes.subarray(0, 2));
  if (mark !== 'II' && mark !== 'MM') return undefined;
  try {
    return new IfdReader(bytes, mark === 'II').first();
  } catch {
    // Reading beyond the end.
    return undefined;
  }
}

/** Whether a first directory, one inside it or a value of theirs would lie behind the end. */
export function isCutIfd(bytes: Uint8Array): boolean {
  try {
    const reader = new IfdReader(bytes, latin1Text(bytes.subarray(0, 2)) === 'II');
    reader.first();
    return reader.reachesBeyondEnd;
  } catch {
    return true;
  }
}

class IfdReader {
  /** Whether a value that was asked for would lie behind the end. */
  reachesBeyondEnd = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #big: boolean;

  constructor(bytes: Uint8Array, little: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = little;
    this.#big = this.#short(2) === 43;
  }

  first(): Ifd {
    return this.#read(this.#big ? this.#offset(8) : this.#long(4), 0);
  }

  #read(start: number, depth: number): Ifd {
    const [countBytes, entryBytes] = this.#big ? [8, 20] : [2, 12];
    const count = this.#big ? this.#offset(start) : this.#short(start);
    const entries: IfdEntry[] = [];
    for (let i = 0; i < Math.min(count, mostEntries); i++) {
      const entry = this.#entry(start + countBytes + i * entryBytes, depth);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  #entry(at: number, depth: number): IfdEntry | undefined {
    const tag = this.#short(at);
    const type = this.#short(at + 2);
    const count = this.#big ? this.#offset(at + 4) : this.#long(at + 4);
    const [size, unit] = valueBytes[type] ?? [0, 1];
    const length = size * count;
    const field = at + (this.#big ? 12 : 8);
    if (size === 0 || length > pictureLimits.metadataBytes) return undefined;
    const inside = length <= (this.#big ? 8 : 4);
    const start = inside ? field : this.#big ? this.#offset(field) : this.#long(field);
    if (start + length > this.#bytes.length) {
      this.reachesBeyondEnd = true;
      return undefined;
    }
    const data = Uint8Array.from(this.#bytes.subarray(start, start + length));
    if (!this.#little) swap(data, unit);
    if (!innerTags.has(tag) || depth >= deepest) return { tag, type, count, data };
    try {
      return { tag, type, count, data, ifd: this.#read(this.#long(field), depth + 1) };
    } catch {
      return undefined;
    }
  }

  #short(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  #long(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  #offset(at: number): number {
    return Number(this.#view.getBigUint64(at, this.#little));
  }
}

/** Numbers of so many bytes, each the other way round. */
function swap(data: Uint8Array, unit: number): void {
  for (let at = 0; at + unit <= data.length; at += unit) data.subarray(at, at + unit).reverse();
}

/** The numbers of an entry; none where it holds others than whole or rational ones. */
export function numbersOf({ type, data }: IfdEntry): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const at = (size: number, read: (start: number) => number): number[] =>
    Array.from({ length: Math.floor(data.length / size) }, (_, i) => read(i * size));
  if (type === 1) return [...data];
  if (type === 3) return at(2, (start) => view.getUint16(start, true));
  if (type === 4) return at(4, (start) => view.getUint32(start, true));
  if (type === 5) return at(8, (start) => view.getUint32(start, true) / view.getUint32(start + 4, true));
  return [];
}

/** An entry of whole numbers. */
export function shortEntry(tag: number, value: number): IfdEntry {
  return { tag, type: 3, count: 1, data: new Uint8Array(Uint16Array.of(value).buffer) };
}

const rationalUnit = 10_000;

/** @param value 0 or more; whole numbers are exact, others are kept to four decimals */
export function rationalEntry(tag: number, value: number): IfdEntry {
  const whole = Number.isInteger(value);
  const parts = Uint32Array.of(whole ? value : Math.round(value * rationalUnit), whole ? 1 : rationalUnit);
  return { tag, type: 5, count: 1, data: new Uint8Array(parts.buffer) };
}

/** @param type 1: numbers of a byte each; 7: bytes whose meaning the tag gives */
export function bytesEntry(tag: number, type: 1 | 7, value: Uint8Array): IfdEntry {
  return { tag, type, count: value.length, data: Uint8Array.from(value) };
}

/**
 * A directory, and all that it points to, little-endian.
 * @param offset where it will stand in its file
 */
export function writeIfd(ifd: Ifd, offset: number): Uint8Array {
  const entries = ifd.toSorted((a, b) => a.tag - b.tag);
  const table = new Uint8Array(2 + 12 * entries.length + 4);
  const view = new DataView(table.buffer);
  view.setUint16(0, entries.length, true);
  const far: Uint8Array[] = [];
  let end = offset + table.length;
  for (const [i, { tag, type, count, data, ifd: inner }] of entries.entries()) {
    const at = 2 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, inner ? 4 : type, true);
    view.setUint32(at + 4, inner ? 1 : count, true);
    const value = inner ? writeIfd(inner, end) : data;
    if (!inner && value.length <= 4) table.set(value, at + 8);
    else {
      view.setUint32(at + 8, end, true);
      far.push(value, new Uint8Array(value.length % 2));
      end += value.length + (value.length % 2);
    }
  }
  return concatBytes([table, ...far]);
}

const header = latin1Bytes('II*\0\x08\0\0\0');

/** An EXIF block of a directory. */
export function writeExif(ifd: Ifd): Uint8Array {
  return concatBytes([header, writeIfd(ifd, header.length)]);
}
