/** Whether the content of a zip archive is what was packed: all of it is read and compared with its checksums. */

import { fileLimits } from '../tensor/file-limits.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { crc32 } from './crc32.ts';
import { openZip, type ZipArchive, type ZipEntry } from './zip-directory.ts';
import { readZipEntry, zipDataOffsets } from './zip-entry.ts';

/** So much is in memory at a time. */
const pieceBytes = 4 * 2 ** 20;

interface CheckOptions {
  /** @param bytes read since the last call */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads every entry.
 * @returns names of the entries that do not match their checksums
 * @throws {CheckpointError} if the archive itself is damaged
 */
export async function findDamagedEntries(source: ByteSource, options: CheckOptions = {}): Promise<string[]> {
  const archive = await openZip(source);
  const entries = [...archive.entries.values()];
  const offsets = await zipDataOffsets(archive, entries);
  const damaged: string[] = [];
  for (const entry of entries) {
    const whole =
      entry.size === entry.compressedSize && entry.method === 0
        ? (await crc32Of(source, offsets.get(entry)!, entry.size, options)) === entry.crc32
        : await isWholePacked(archive, entry, options);
    if (!whole) damaged.push(entry.name);
  }
  return damaged;
}

async function crc32Of(
  source: ByteSource,
  start: number,
  length: number,
  { onBytes, signal }: CheckOptions,
): Promise<number> {
  let crc = 0;
  for (let done = 0; done < length; done += pieceBytes) {
    signal?.throwIfAborted();
    const piece = await source.read(start + done, Math.min(pieceBytes, length - done));
    crc = crc32(piece, crc);
    onBytes?.(piece.length);
  }
  return crc;
}

/** Compressed entries hold no tensors: they are small, or nothing that is read. */
async function isWholePacked(
  archive: ZipArchive,
  entry: ZipEntry,
  { onBytes }: CheckOptions,
): Promise<boolean> {
  try {
    await readZipEntry(archive, entry, fileLimits.pickle.bytes);
    return true;
  } catch (error) {
    if (error instanceof CheckpointError) return false;
    throw error;
  } finally {
    onBytes?.(entry.compressedSize);
  }
}
