/** Restores a folder of aligned faces into another, one picture at a time, going on where an earlier run stopped. */
import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { BytePixels } from '../../../image/pixels.ts';
import { writeFileAtomically } from '../files/atomic-write.ts';
import { exists } from '../files/file-kind.ts';
import { picturesByName } from '../files/picture-pairs.ts';
import { encodeImage } from '../picture/encode-image.ts';
import { type ImageFile, readImageFile } from '../picture/image-file.ts';
import { Failures } from './failures.ts';

export interface RestoreSetOptions {
  readonly pictures: string;
  /** Results are PNG, by the pictures' names. */
  readonly output: string;
  readonly restore: (image: ImageFile) => Promise<BytePixels>;
  readonly onPicture?: (done: number, total: number, name: string) => void;
  /** Called for each picture that cannot be restored; the others are. */
  readonly onFailed?: (name: string, error: unknown) => void;
  readonly signal?: AbortSignal;
}

const times = (folder: string): string => path.join(folder, '.seconds.jsonl');
const timeSchema = z.object({ name: z.string(), seconds: z.number().nonnegative() });

export interface RestoredSet {
  /** Names of the pictures that are restored. */
  readonly names: ReadonlySet<string>;
  readonly failed: number;
  /** Median time of a picture, in seconds, earlier runs included; undefined if none is known. */
  readonly seconds: number | undefined;
}

/**
 * @throws {Error} if none can be restored
 */
export async function restoreSet({
  pictures,
  output,
  restore,
  onPicture,
  onFailed,
  signal,
}: RestoreSetOptions): Promise<RestoredSet> {
  const found = [...(await picturesByName(pictures))];
  const failures = new Failures({ onFailed, signal });
  const names = new Set<string>();
  for (const [done, [name, file]] of found.entries()) {
    signal?.throwIfAborted();
    const target = path.join(output, `${name}.png`);
    if (!(await exists(target))) {
      onPicture?.(done, found.length, name);
      const seconds = await failures.unless(name, () => restoreFile(file, target, restore));
      if (seconds === undefined) continue;
      await appendFile(times(output), `${JSON.stringify({ name, seconds })}\n`);
    }
    names.add(name);
  }
  failures.requireSome(names.size);
  return { names, failed: found.length - names.size, seconds: await medianSeconds(output) };
}

/** @returns the time that `restore` took, in seconds */
async function restoreFile(
  file: string,
  target: string,
  restore: RestoreSetOptions['restore'],
): Promise<number> {
  const image = await readImageFile(file);
  const startedMs = performance.now();
  const result = await restore(image);
  const seconds = (performance.now() - startedMs) / 1000;
  await writeFileAtomically(target, await encodeImage(result, 'png'));
  return seconds;
}

async function medianSeconds(folder: string): Promise<number | undefined> {
  const text = await readFile(times(folder), 'utf8').catch(() => '');
  const seconds = text
    .split('\n')
    .flatMap((line) => {
      try {
        return timeSchema.parse(JSON.parse(line)).seconds;
      } catch {
        return [];
      }
    })
    .sort((a, b) => a - b);
  return seconds[Math.floor(seconds.length / 2)];
}
