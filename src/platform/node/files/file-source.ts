/** Files on disk as byte sources. */

import { read } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type ByteSource, checkByteRange } from '../../../checkpoint/byte-source.ts';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { explainSystemError } from './system-error.ts';

/** The operating system reads at most 2 GiB at a time. */
const largestRead = 2 ** 30;

/** Opening a checkpoint takes a thousand small reads; each costs half of what FileHandle.read does. */
const readDescriptor = promisify(read);

/** An open file; `close` it when no more is to be read. */
interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/**
 * Opens a file for reads at any offset. Nothing is read yet.
 * @throws {CheckpointError} if there is no such file or it may not be read
 */
export async function openFileSource(path: string): Promise<FileSource> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const status = await handle.stat();
    if (!status.isFile()) throw new Error('it is not a file');
    return fileSource(path, status.size, handle);
  } catch (cause) {
    await handle?.close();
    throw new CheckpointError(`${explainSystemError(cause)}; check the path`, { file: path, cause });
  }
}

function fileSource(path: string, byteLength: number, handle: FileHandle): FileSource {
  const source: FileSource = {
    name: path,
    byteLength,
    async read(offset, length) {
      checkByteRange(source, offset, length);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = Math.min(length - done, largestRead);
        const { bytesRead } = await readDescriptor(handle.fd, bytes, done, count, offset + done).catch(
          (cause: unknown) => {
            throw new CheckpointError(explainSystemError(cause), {
              file: path,
              offset: offset + done,
              cause,
            });
          },
        );
        if (bytesRead === 0)
          throw new CheckpointError(
            `the file ended; it had ${byteLength} bytes when opened and was cut since`,
            { file: path, offset: offset + done },
          );
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
  return source;
}
