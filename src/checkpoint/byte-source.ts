/** Random access to the bytes of a file, wherever it lies: memory, a browser's File, a disk. */

import { CheckpointError } from './checkpoint-error.ts';

/** A file of known length that is read piece by piece. */
export interface ByteSource {
  /** Path or URL, for errors. */
  readonly name: string;
  readonly byteLength: number;
  /**
   * The bytes `offset` to `offset + length`, in memory that the caller owns.
   * @throws {RangeError} if the range does not lie in the file
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** @throws {RangeError} if the range does not lie in the source */
export function checkByteRange(
  source: { readonly name: string; readonly byteLength: number },
  offset: number,
  length: number,
): void {
  const fits = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!fits || offset + length > source.byteLength)
    throw new RangeError(
      `Cannot read ${length} bytes at byte ${offset} of ${source.name}: it has ${source.byteLength} bytes`,
    );
}

/** Bytes in memory. `bytes` must not change while the source is in use. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  const source: ByteSource = {
    name,
    byteLength: bytes.length,
    async read(offset, length) {
      checkByteRange(source, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
  return source;
}

/** A browser's Blob or File; only the parts that are asked for are loaded. */
export function blobSource(blob: Blob, name = blob instanceof File ? blob.name : 'blob'): ByteSource {
  const source: ByteSource = {
    name,
    byteLength: blob.size,
    async read(offset, length) {
      checkByteRange(source, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new CheckpointError('the browser refused the read; choose the file again', {
          file: name,
          offset,
          cause,
        });
      }
    },
  };
  return source;
}
