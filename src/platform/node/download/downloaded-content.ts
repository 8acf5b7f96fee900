/** Whether what was fetched is the file that its name promises. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { readJsonSource } from '../../../checkpoint/json-source.ts';
import { openTensorFile } from '../../../checkpoint/tensor-file.ts';
import { openFileSource } from '../files/file-source.ts';

/** What came is not the file, and would not be the next time. */
export class ContentError extends Error {}

/** Of a file on disk, lower-case hexadecimal. */
export async function fileSha256(
  path: string,
  signal?: AbortSignal,
  onProgress?: (doneBytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(path, {
    signal,
    highWaterMark: 2 ** 20,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    done += chunk.length;
    onProgress?.(done);
  }
  return hash.digest('hex');
}

/** How files begin: zip, a pickle of old PyTorch; safetensors have a brace after eight bytes of length. */
const torchMarks = ['PK\x03\x04', '\x80\x02'];

/** An error page may come as a success: what the name promises must be in the file. */
export async function requireKind(path: string, target: string): Promise<void> {
  const beginning = (await readBeginning(path, 512)).toString('latin1');
  const fits = /\.json$/.test(target)
    ? beginning.trimStart().startsWith('{')
    : torchMarks.some((mark) => beginning.startsWith(mark)) || beginning[8] === '{';
  if (fits) return;
  const shown = JSON.stringify(beginning.slice(0, 40));
  throw new ContentError(`what came is not the file that its name promises: it begins with ${shown}`);
}

/** A connection that ends does not tell whether the file does: what its headers name must be there. */
export async function requireWhole(path: string, target: string): Promise<void> {
  const source = await openFileSource(path);
  try {
    if (target.endsWith('.json')) await readJsonSource(source);
    else await openTensorFile(source);
  } catch (error) {
    throw new ContentError(`what came is not whole: ${(error as Error).message}`);
  } finally {
    await source.close();
  }
}

async function readBeginning(path: string, length: number): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
