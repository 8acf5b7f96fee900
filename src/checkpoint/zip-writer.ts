/** Zip archives of stored entries, as a stream of bytes; data aligned to 64 bytes, as PyTorch writes it. */

import { byteChunks } from './byte-chunks.ts';
import { quoteName } from './checkpoint-error.ts';
import { crc32 } from './crc32.ts';
import { extra64, in64, in64Count, localHeaderBytes, zipSignature } from './zip-directory.ts';

const dataAlignment = 64;
const utf8Names = 0x800;
/** 1 January 1980, the first date there is: archives of the same data are the same bytes. */
const date = 0x21;
const version = 20;
const version64 = 45;
/** Id of the extra field that only fills the space before aligned data, the one PyTorch uses. */
const paddingId = 0x4246;

/** A file to be stored. */
export interface StoredZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
}

/** What the directory says of an entry. */
interface StoredZipRecord {
  readonly name: Uint8Array;
  readonly crc32: number;
  readonly size: number;
  readonly headerOffset: number;
}

/**
 * The chunks of a zip archive. Entries are taken one at a time, so that an iterable may make them as it goes;
 * chunks of data have at most 64 MiB and share memory with it.
 * @throws {RangeError} for an entry of 4 GiB or more, or a name twice
 */
export function* encodeStoredZip(entries: Iterable<StoredZipEntry>): Generator<Uint8Array, void, undefined> {
  const records: StoredZipRecord[] = [];
  const names = new Set<string>();
  let offset = 0;
  for (const { name, data } of entries) {
    if (data.length >= in64)
      throw new RangeError(
        `Cannot store ${quoteName(name)}: it has ${data.length} bytes, the limit is 4 GiB`,
      );
    if (names.has(name)) throw new RangeError(`Cannot store ${quoteName(name)}: the name is taken`);
    names.add(name);
    const record = {
      name: new TextEncoder().encode(name),
      crc32: crc32(data),
      size: data.length,
      headerOffset: offset,
    };
    const header = localHeader(record);
    yield header;
    yield* byteChunks(data);
    offset += header.length + data.length;
    records.push(record);
  }
  const directoryOffset = offset;
  for (const record of records) {
    const bytes = encodeDirectoryEntry(record);
    yield bytes;
    offset += bytes.length;
  }
  yield encodeDirectoryEnd(records.length, directoryOffset, offset - directoryOffset);
}

function localHeader({ name, crc32, size, headerOffset }: StoredZipRecord): Uint8Array {
  const before = headerOffset + localHeaderBytes + name.length + 4;
  const padding = (dataAlignment - (before % dataAlignment)) % dataAlignment;
  return concatenate(
    littleEndian(
      [4, zipSignature.localHeader],
      [2, version],
      [2, utf8Names],
      [2, 0],
      [2, 0],
      [2, date],
      [4, crc32],
      [4, size],
      [4, size],
      [2, name.length],
      [2, 4 + padding],
    ),
    name,
    littleEndian([2, paddingId], [2, padding]),
    new Uint8Array(padding),
  );
}

/** The directory's record of a stored entry; its offset may need 64 bits. */
export function encodeDirectoryEntry({ name, crc32, size, headerOffset }: StoredZipRecord): Uint8Array {
  const wide = headerOffset >= in64;
  const extra = wide ? littleEndian([2, extra64], [2, 8], [8, headerOffset]) : new Uint8Array();
  return concatenate(
    littleEndian(
      [4, zipSignature.directoryEntry],
      [2, wide ? version64 : version],
      [2, wide ? version64 : version],
      [2, utf8Names],
      [2, 0],
      [2, 0],
      [2, date],
      [4, crc32],
      [4, size],
      [4, size],
      [2, name.length],
      [2, extra.length],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, wide ? in64 : headerOffset],
    ),
    name,
    extra,
  );
}

/** What follows the directory of `count` entries, `size` bytes at `offset`. */
export function encodeDirectoryEnd(count: number, offset: number, size: number): Uint8Array {
  const end = littleEndian(
    [4, zipSignature.end],
    [2, 0],
    [2, 0],
    [2, Math.min(count, in64Count)],
    [2, Math.min(count, in64Count)],
    [4, Math.min(size, in64)],
    [4, Math.min(offset, in64)],
    [2, 0],
  );
  if (count < in64Count && size < in64 && offset < in64) return end;
  const end64 = littleEndian(
    [4, zipSignature.end64],
    [8, 44],
    [2, version64],
    [2, version64],
    [4, 0],
    [4, 0],
    [8, count],
    [8, count],
    [8, size],
    [8, offset],
  );
  const locator = littleEndian([4, zipSignature.end64Locator], [4, 0], [8, offset + size], [4, 1]);
  return concatenate(end64, locator, end);
}

/** Fields of 2, 4 or 8 bytes one after the other. */
function littleEndian(...fields: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
