import { statfs } from 'node:fs/promises';
import { because, type Failure } from '../../../failure/failure.ts';

/** Left free on the disk whatever is written. */
const reserveBytes = 256 * 2 ** 20;

/**
 * @param what is to be written, for the error
 * @param keeping what helps beside freeing room depends on it
 * @throws {Error} if the disk of `folder` has too little room for `bytes` more
 */
export async function requireDiskSpace(
  folder: string,
  bytes: number,
  what: string,
  keeping: Extract<Failure, { readonly code: 'disk-full' }>['keeping'] = 'weights',
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes + reserveBytes) return;
  const megabytes = (count: number): string => `${Math.ceil(count / 2 ** 20)} MB`;
  throw because(
    new Error(
      `Cannot keep ${what} in ${folder}: ${megabytes(bytes + reserveBytes)} are needed, ${megabytes(free)} are free`,
    ),
    { code: 'disk-full', keeping },
  );
}
