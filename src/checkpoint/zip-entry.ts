/** The files within a zip archive: where stored ones lie, and the content of small ones. */

import { CheckpointError, quoteName } from './checkpoint-error.ts';
import { crc32 } from './crc32.ts';
import {
  encryptedFlag,
  localHeaderBytes,
  viewOf,
  type ZipArchive,
  type ZipEntry,
  zipSignature,
} from './zip-directory.ts';

const utf8 = new TextDecoder();

const stored = 0;
const deflated = 8;

/** Headers that start within this many bytes are fetched in one read. */
const windowBytes = 64 * 1024;
/** Reads under way at a time. */
const readsAtOnce = 64;

function fail(archive: ZipArchive, entry: ZipEntry, problem: string, cause?: unknown): CheckpointError {
  return new CheckpointError(`its entry ${quoteName(entry.name)} ${problem}`, {
    file: archive.source.name,
    offset: entry.headerOffset,
    cause,
  });
}

/**
 * The first byte of each entry's data in the file. Only headers are read, neighbours together.
 * @throws {CheckpointError} if a header contradicts the directory
 */
export async function zipDataOffsets(
  archive: ZipArchive,
  entries: Iterable<ZipEntry>,
): Promise<ReadonlyMap<ZipEntry, number>> {
  const windows = groupByWindow(entries);
  const offsets = new Map<ZipEntry, number>();
  for (let start = 0; start < windows.length; start += readsAtOnce) {
    const batch = windows.slice(start, start + readsAtOnce);
    const contents = await Promise.all(
      batch.map((group) => {
        const first = group[0]!;
        const last = group.at(-1)!;
        const end = last.headerOffset + localHeaderBytes + last.nameBytes;
        return archive.source.read(first.headerOffset, end - first.headerOffset);
      }),
    );
    for (const [index, group] of batch.entries())
      for (const entry of group) {
        const header = contents[index]!.subarray(entry.headerOffset - group[0]!.headerOffset);
        offsets.set(entry, dataOffset(archive, entry, header));
      }
  }
  return offsets;
}

function groupByWindow(entries: Iterable<ZipEntry>): ZipEntry[][] {
  const groups: ZipEntry[][] = [];
  for (const entry of [...entries].sort((a, b) => a.headerOffset - b.headerOffset)) {
    const group = groups.at(-1);
    if (group && entry.headerOffset - group[0]!.headerOffset < windowBytes) group.push(entry);
    else groups.push([entry]);
  }
  return groups;
}

function dataOffset(archive: ZipArchive, entry: ZipEntry, header: Uint8Array<ArrayBuffer>): number {
  const view = viewOf(header);
  if (view.getUint32(0, true) !== zipSignature.localHeader)
    throw fail(archive, entry, 'has no header where the directory says; the archive is damaged');
  const name = header.subarray(localHeaderBytes, localHeaderBytes + entry.nameBytes);
  if (
    view.getUint16(6, true) & encryptedFlag ||
    view.getUint16(8, true) !== entry.method ||
    view.getUint16(26, true) !== entry.nameBytes ||
    utf8.decode(name) !== entry.name
  )
    throw fail(archive, entry, 'has a header that contradicts the directory; the archive is damaged');
  const offset = entry.headerOffset + localHeaderBytes + entry.nameBytes + view.getUint16(28, true);
  if (offset + entry.compressedSize > entry.limit)
    throw fail(archive, entry, 'overlaps what follows it; the archive is damaged');
  return offset;
}

/** @throws {CheckpointError} unless the entry's data can be read in place */
export function requireStored(archive: ZipArchive, entry: ZipEntry): void {
  if (entry.method !== stored)
    throw fail(
      archive,
      entry,
      'is compressed, so its tensor cannot be read in place; save the file again with torch.save, ' +
        'or unpack it and pack it with `zip -0`',
    );
  if (entry.size !== entry.compressedSize)
    throw fail(archive, entry, `is stored, yet has two sizes, ${entry.compressedSize} and ${entry.size}`);
}

/**
 * The content of a small entry, stored or deflated, with its checksum verified.
 * @throws {CheckpointError} if it is larger than `maxBytes`, or not what the directory promises
 */
export async function readZipEntry(
  archive: ZipArchive,
  entry: ZipEntry,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Math.max(entry.size, entry.compressedSize) > maxBytes)
    throw fail(archive, entry, `claims ${entry.size} bytes; at most ${maxBytes} are expected`);
  const offset = (await zipDataOffsets(archive, [entry])).get(entry)!;
  const packed = await archive.source.read(offset, entry.compressedSize);
  let content: Uint8Array<ArrayBuffer>;
  if (entry.method === stored) content = packed;
  else if (entry.method === deflated) content = await inflate(archive, entry, packed);
  else throw fail(archive, entry, `uses compression method ${entry.method}; only 0 and 8 are supported`);
  if (content.length !== entry.size)
    throw fail(archive, entry, `has ${content.length} bytes, the directory says ${entry.size}`);
  if (crc32(content) !== entry.crc32)
    throw fail(archive, entry, 'does not match its checksum; the archive is damaged, fetch it again');
  return content;
}

async function inflate(
  archive: ZipArchive,
  entry: ZipEntry,
  packed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      throw fail(archive, entry, 'cannot be decompressed; the archive is damaged, fetch it again', cause);
    });
    if (done) break;
    length += value.length;
    if (length > entry.size) {
      await reader.cancel();
      throw fail(archive, entry, `decompresses to more than the ${entry.size} bytes the directory says`);
    }
    chunks.push(value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
