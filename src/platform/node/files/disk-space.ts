import { statfs } from 'node:fs/promises';

/** Left free on the disk whatever is written. */
const reserveBytes = 256 * 2 ** 20;

/**
 * @param what is to be written, for the error
 * @param advice what to do, besides freeing room
 * @throws {Error} if the disk of `folder` has too little room for `bytes` more
 */
export async function requireDiskSpace(
  folder: string,
  bytes: number,
  what: string,
  advice = 'take --memory low, which keeps less',
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes + reserveBytes) return;
  const megabytes = (count: number): string => `${Math.ceil(count / 2 ** 20)} MB`;
  throw new Error(
    `Cannot keep ${what} in ${folder}: ${megabytes(bytes + reserveBytes)} are needed, ${megabytes(free)} are free. Free some, or ${advice}`,
  );
}
