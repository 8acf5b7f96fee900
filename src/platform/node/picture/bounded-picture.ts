/** Picture files of bounded size: in bytes before they are read, in pixels before they are decoded. */

import { open, stat } from 'node:fs/promises';
import type { Metadata } from 'sharp';
import { because } from '../../../failure/failure.ts';
import { pictureLimits } from '../../../image/file/picture-limits.ts';
import { isFloat } from './decode-pixels.ts';

/** What a file of so many pixels may take: as much as without compression, and no more than Node reads at once. */
export function bytesFor(pixels: number): number {
  return Math.min(4 * Math.min(pixels, pictureLimits.mostPixels), 2 ** 31 - 1);
}

/** The bytes of a regular file. @throws {RangeError} if there are more than `maxBytes` */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  // Asked before opening: opening a pipe waits for a writer.
  if (!(await stat(path)).isFile()) throw new Error('it is not a regular file');
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes)
      throw because(
        new RangeError(`it has ${size} bytes, more than the ${maxBytes} that a picture may have`),
        { code: 'picture-too-large', canBeRaised: maxBytes < bytesFor(pictureLimits.mostPixels) },
      );
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** @throws {RangeError} if there are more pixels than may be read */
export function requireBounded(metadata: Metadata, maxPixels: number): void {
  const { width, height, depth } = metadata;
  if (Math.max(width, height) > pictureLimits.side)
    throw new RangeError(`its longer side has more than ${pictureLimits.side} pixels`);
  const area = width * height;
  const million = (pixels: number): string => `${Number((pixels / 1e6).toPrecision(6))} million`;
  if (area > maxPixels)
    throw because(
      new RangeError(
        `its ${width} x ${height} pixels are ${million(area)}, more than the ${million(maxPixels)} that are read`,
      ),
      { code: 'picture-too-large', canBeRaised: area <= pictureLimits.mostPixels },
    );
  if (area > pictureLimits.pixels && (depth === 'uint' || isFloat(metadata)))
    throw new RangeError(
      `its samples have 32 bits, which are read of ${million(pictureLimits.pixels)} pixels at most`,
    );
}
