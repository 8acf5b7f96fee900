/** Takes chosen files out of a zip archive from elsewhere, once, into a folder of the user's cache. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { crc32 } from '../../../checkpoint/crc32.ts';
import { openZip, type ZipEntry } from '../../../checkpoint/zip-directory.ts';
import { zipDataOffsets } from '../../../checkpoint/zip-entry.ts';
import { requireDiskSpace } from './disk-space.ts';
import { openFileSource } from './file-source.ts';
import { makeFolder } from './make-folder.ts';
import { userCacheFolder } from './user-cache-folder.ts';
import { makeWholeFolder } from './whole-folder.ts';

/**
 * @param placeOf where a file of the archive goes, relative to the folder; undefined for those that are not wanted. It
 *   must not let the archive choose places outside
 * @returns the folder, which is there as a whole or not at all; undefined if the archive holds nothing that is wanted
 * @throws {CheckpointError} if the archive is damaged
 */
export async function unpackZip(
  archive: string,
  placeOf: (name: string) => string | undefined,
): Promise<string | undefined> {
  const source = await openFileSource(archive);
  try {
    const zip = await openZip(source);
    const wanted = [...zip.entries.values()].flatMap((entry): [string, ZipEntry][] => {
      const place = placeOf(entry.name);
      return place === undefined ? [] : [[place, entry]];
    });
    if (wanted.length === 0) return undefined;
    const { mtimeMs } = await stat(archive);
    const key = [path.resolve(archive), source.byteLength, mtimeMs, ...wanted.map(([place]) => place)];
    const digest = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 16);
    const folder = path.join(await userCacheFolder(), 'unpacked', digest);
    await makeWholeFolder(folder, async (temporary) => {
      const bytes = wanted.reduce((sum, [, { size }]) => sum + size, 0);
      await requireDiskSpace(path.dirname(folder), bytes, `what ${path.basename(archive)} holds`);
      const offsets = await zipDataOffsets(
        zip,
        wanted.map(([, entry]) => entry),
      );
      for (const [place, entry] of wanted)
        await unpackEntry(archive, entry, offsets.get(entry)!, path.join(temporary, place));
    });
    return folder;
  } finally {
    await source.close();
  }
}

async function unpackEntry(archive: string, entry: ZipEntry, offset: number, target: string): Promise<void> {
  const refuse = (problem: string, cause?: unknown): CheckpointError =>
    new CheckpointError(`its file ${path.basename(target)} ${problem}; fetch the archive again`, {
      file: archive,
      cause,
    });
  if (entry.method !== 0 && entry.method !== 8) throw refuse(`is packed by method ${entry.method}`);
  await makeFolder(path.dirname(target));
  let [length, checksum] = [0, 0];
  const checked = new Transform({
    transform(chunk: Buffer, _, done) {
      length += chunk.length;
      checksum = crc32(chunk, checksum);
      if (length > entry.size) done(refuse(`is longer than the ${entry.size} bytes it should have`));
      else done(null, chunk);
    },
  });
  if (entry.compressedSize === 0 && entry.size > 0) throw refuse('is empty');
  const packed = createReadStream(archive, {
    start: offset,
    end: offset + Math.max(entry.compressedSize - 1, 0),
  });
  const inflate = entry.method === 8 ? createInflateRaw() : new PassThrough();
  await pipeline(packed, inflate, checked, createWriteStream(target)).catch((cause: Error) => {
    throw cause instanceof CheckpointError ? cause : refuse(`cannot be unpacked (${cause.message})`, cause);
  });
  if (length !== entry.size || checksum !== entry.crc32) throw refuse('does not match its checksum');
}
