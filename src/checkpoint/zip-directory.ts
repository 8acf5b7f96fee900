/**
 * The directory of a zip archive, zip64 included: which entries there are and where. Every offset and size is
 * checked against the file, and no two entries may share bytes.
 * @see PKWARE APPNOTE 6.3
 */

import { fileLimits } from '../tensor/file-limits.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';

export const zipSignature = {
  localHeader: 0x04034b50,
  directoryEntry: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  end64Locator: 0x07064b50,
} as const;

/** What a 32-bit field says when its value is in the zip64 part instead. */
export const in64 = 0xffffffff;
/** The same for a 16-bit field. */
export const in64Count = 0xffff;
/** Id of the extra field that holds the values of 64 bits. */
export const extra64 = 1;

export const encryptedFlag = 1;
export const localHeaderBytes = 30;
const directoryEntryBytes = 46;
const endBytes = 22;
const end64Bytes = 56;
const end64LocatorBytes = 20;

const { entries: maxEntries, directoryBytes: maxDirectoryBytes } = fileLimits.zip;
const maxCommentBytes = 0xffff;

/** A file within the archive, as the directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes of the name in the archive. */
  readonly nameBytes: number;
  /** 0: stored as it is; 8: deflated. */
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
  /** Where the next entry or the directory begins: header and data must end before. */
  readonly limit: number;
}

export interface ZipArchive {
  readonly source: ByteSource;
  readonly entries: ReadonlyMap<string, ZipEntry>;
}

/** Where the directory lies. */
interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** @throws {CheckpointError} if the directory is missing, damaged, too large or contradicts the file */
export async function openZip(source: ByteSource): Promise<ZipArchive> {
  const directory = await findDirectory(source);
  const bytes = await source.read(directory.offset, directory.size);
  const entries = new Map<string, ZipEntry>();
  for (const entry of limitEntries(source, directory, parseDirectory(source, directory, bytes))) {
    if (entries.has(entry.name)) throw damaged(source, `it holds ${quoteName(entry.name)} twice`);
    entries.set(entry.name, entry);
  }
  return { source, entries };
}

function damaged(source: ByteSource, problem: string, offset?: number): CheckpointError {
  return new CheckpointError(`${problem}; the zip archive is cut or damaged, fetch it again`, {
    file: source.name,
    offset,
  });
}

async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailLength = Math.min(source.byteLength, end64LocatorBytes + endBytes + maxCommentBytes);
  const tailOffset = source.byteLength - tailLength;
  const tail = viewOf(await source.read(tailOffset, tailLength));
  const at = findEnd(tail);
  if (at === undefined) throw damaged(source, 'it has no end of a zip directory');
  const end = {
    count: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  if (tail.getUint16(at + 4, true) !== tail.getUint16(at + 6, true))
    throw damaged(source, 'it is one part of several', tailOffset + at);
  const locatorAt = at - end64LocatorBytes;
  const has64 = locatorAt >= 0 && tail.getUint32(locatorAt, true) === zipSignature.end64Locator;
  if (!has64) return checkDirectory(source, end, tailOffset + at);

  const end64Offset = Number(tail.getBigUint64(locatorAt + 8, true));
  if (end64Offset + end64Bytes > tailOffset + locatorAt)
    throw damaged(source, 'its zip64 end lies outside the file', tailOffset + locatorAt);
  const record = viewOf(await source.read(end64Offset, end64Bytes));
  if (record.getUint32(0, true) !== zipSignature.end64)
    throw damaged(source, 'its zip64 end is missing', end64Offset);
  const wide = {
    count: Number(record.getBigUint64(32, true)),
    size: Number(record.getBigUint64(40, true)),
    offset: Number(record.getBigUint64(48, true)),
  };
  if (
    (end.count !== in64Count && end.count !== wide.count) ||
    (end.size !== in64 && end.size !== wide.size) ||
    (end.offset !== in64 && end.offset !== wide.offset)
  )
    throw damaged(source, 'its two directory ends contradict each other', end64Offset);
  return checkDirectory(source, wide, end64Offset);
}

/** The end record: the last one whose comment reaches to the end of the file. */
function findEnd(tail: DataView): number | undefined {
  for (let at = tail.byteLength - endBytes; at >= 0; at--)
    if (
      tail.getUint32(at, true) === zipSignature.end &&
      tail.getUint16(at + 20, true) === tail.byteLength - at - endBytes
    )
      return at;
  return undefined;
}

function checkDirectory(source: ByteSource, directory: Directory, end: number): Directory {
  const { offset, size, count } = directory;
  if (count > maxEntries || size > maxDirectoryBytes)
    throw new CheckpointError(
      `its zip directory claims ${count} entries in ${size} bytes, more than ${maxEntries} or ${maxDirectoryBytes}`,
      { file: source.name, offset: end },
    );
  if (offset + size > end || count * directoryEntryBytes > size)
    throw damaged(source, `its directory of ${count} entries, ${size} bytes at ${offset}, does not fit`, end);
  return directory;
}

function parseDirectory(
  source: ByteSource,
  directory: Directory,
  bytes: Uint8Array<ArrayBuffer>,
): Omit<ZipEntry, 'limit'>[] {
  const view = viewOf(bytes);
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const entries: Omit<ZipEntry, 'limit'>[] = [];
  let at = 0;
  for (let index = 0; index < directory.count; index++) {
    const fail = (problem: string) => damaged(source, problem, directory.offset + at);
    if (at + directoryEntryBytes > bytes.length || view.getUint32(at, true) !== zipSignature.directoryEntry)
      throw fail(`its directory lacks entry ${index + 1} of ${directory.count}`);
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const nameAt = at + directoryEntryBytes;
    const extraAt = nameAt + nameBytes;
    const next = extraAt + extraBytes + view.getUint16(at + 32, true);
    if (next > bytes.length) throw fail('a directory entry is longer than the directory');
    let name: string;
    try {
      name = utf8.decode(bytes.subarray(nameAt, extraAt));
    } catch {
      throw fail('the name of an entry is not UTF-8');
    }
    if (view.getUint16(at + 8, true) & encryptedFlag)
      throw new CheckpointError(`its entry ${quoteName(name)} is encrypted; decrypt the file first`, {
        file: source.name,
      });
    const sizes = {
      size: view.getUint32(at + 24, true),
      compressedSize: view.getUint32(at + 20, true),
      headerOffset: view.getUint32(at + 42, true),
    };
    readExtra64(sizes, new DataView(view.buffer, view.byteOffset + extraAt, extraBytes));
    entries.push({
      name,
      nameBytes,
      method: view.getUint16(at + 10, true),
      crc32: view.getUint32(at + 16, true),
      ...sizes,
    });
    at = next;
  }
  if (at !== bytes.length)
    throw damaged(source, 'bytes follow the last directory entry', directory.offset + at);
  return entries;
}

/** Replaces the sizes that only fit 64 bits by those of the zip64 extra field, in its order. */
function readExtra64(
  sizes: { size: number; compressedSize: number; headerOffset: number },
  extra: DataView,
): void {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const end = Math.min(extra.byteLength, at + 4 + extra.getUint16(at + 2, true));
    if (extra.getUint16(at, true) === extra64) {
      let valueAt = at + 4;
      for (const field of ['size', 'compressedSize', 'headerOffset'] as const) {
        if (sizes[field] !== in64 || valueAt + 8 > end) continue;
        sizes[field] = Number(extra.getBigUint64(valueAt, true));
        valueAt += 8;
      }
      return;
    }
    at = end;
  }
}

/** Gives each entry the bytes up to the next one, and refuses entries that need more. */
function limitEntries(
  source: ByteSource,
  directory: Directory,
  entries: readonly Omit<ZipEntry, 'limit'>[],
): ZipEntry[] {
  const inOrder = [...entries].sort((a, b) => a.headerOffset - b.headerOffset);
  return inOrder.map((entry, index) => {
    const limit = inOrder[index + 1]?.headerOffset ?? directory.offset;
    if (entry.headerOffset + localHeaderBytes + entry.nameBytes + entry.compressedSize > limit)
      throw damaged(
        source,
        `its entry ${quoteName(entry.name)} of ${entry.compressedSize} bytes overlaps what follows at ${limit}`,
        entry.headerOffset,
      );
    return { ...entry, limit };
  });
}

/** A view of exactly these bytes, wherever they lie in their buffer. */
export function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
