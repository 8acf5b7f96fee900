import type { FileHandle } from 'node:fs/promises';

/** More than this at a time some systems refuse. */
const largestWrite = 2 ** 30;

/**
 * Writes all of `bytes` at `position`: a system may take only some of them at a time, as where a disk gets full.
 * @throws {Error} if it takes none
 */
export async function writeFully(
  file: Pick<FileHandle, 'write'>,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, largestWrite);
    const { bytesWritten } = await file.write(bytes, done, length, position + done);
    if (bytesWritten === 0) throw Object.assign(new Error('nothing more can be written'), { code: 'ENOSPC' });
    done += bytesWritten;
  }
}
