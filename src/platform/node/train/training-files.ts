/** The pictures that training reads: found and looked at before it begins. */

import { open } from 'node:fs/promises';
import { join, parse } from 'node:path';
import sharp from 'sharp';
import { listNames } from '../../../failure/list-names.ts';
import { layOnWhite } from '../../../image/transparency.ts';
import type { ImageSource } from '../../../train/training-batch.ts';
import { findInputFiles, readFileSignature } from '../files/input-files.ts';
import { type NamedPicture, pathsByName } from '../files/picture-pairs.ts';
import { readImageFile } from '../picture/image-file.ts';

/** Good pictures, and where `low` is given, the degraded one of each. */
export interface TrainingFiles {
  readonly high: readonly string[];
  readonly low?: readonly string[];
}

/** Either a folder of good pictures, or one that `degrade` wrote: `hq` and `lq` with pictures of the same names. */
export type TrainingSource = { readonly folder: string } | { readonly pairs: string };

/** Rounding to whole pixels changes the shape of a small picture this much. */
const largestStretch = 0.05;
const namedAtMost = 5;
const readAtOnce = 16;
const defaultMaxPixels = 100_000_000;

export interface FindOptions {
  /** a folder that is not entered: what a run writes is not what it reads */
  readonly outputFolder?: string;
  /** which of the pictures are meant, by their place among all, in order of their paths; default: all */
  readonly select?: (position: number, count: number) => boolean;
}

/**
 * Lists all pictures below a folder, by path, and reads the headers of those that are wanted.
 * @throws {Error} if there are none, or naming those that are no pictures, have no partner, or more than one
 */
export async function findTrainingFiles(
  source: TrainingSource,
  options: FindOptions = {},
): Promise<TrainingFiles> {
  if ('folder' in source) {
    const pictures = await listPictures(source.folder, options);
    const high = takeSelected(
      pictures.map(({ path }) => path),
      source.folder,
      options,
    );
    await checkHeaders(source.folder, high);
    return { high };
  }
  const folders = { high: join(source.pairs, 'hq'), low: join(source.pairs, 'lq') };
  const highByName = pathsByName(folders.high, await listPictures(folders.high, options));
  const lowByName = pathsByName(folders.low, await listPictures(folders.low, options));
  const single = [
    ...[...highByName].filter(([name]) => !lowByName.has(name)),
    ...[...lowByName].filter(([name]) => !highByName.has(name)),
  ].map(([, path]) => path);
  if (single.length > 0)
    throw new Error(
      `Cannot pair the pictures of ${folders.high} and ${folders.low}: no partner of the same name for ${listSome(single)}. Add what is missing, or remove these`,
    );
  const names = takeSelected([...highByName.keys()], source.pairs, options);
  const high = names.map((name) => highByName.get(name)!);
  const low = names.map((name) => lowByName.get(name)!);
  await checkHeaders(source.pairs, [...high, ...low]);
  return { high, low };
}

function takeSelected(all: readonly string[], folder: string, { select }: FindOptions): readonly string[] {
  const selected = select ? all.filter((_, position) => select(position, all.length)) : all;
  if (selected.length > 0) return selected;
  throw new RangeError(
    `Cannot train on ${folder}: none of its ${all.length} pictures is left for it. Add pictures, or hold back fewer`,
  );
}

/** Reads what `findTrainingFiles` found. */
export function openTrainingFiles({ high, low }: TrainingFiles): ImageSource {
  return {
    count: high.length,
    async read(index) {
      const good = layOnWhite(await readImageFile(high[index]!));
      if (!low) return { high: good };
      const degraded = layOnWhite(await readImageFile(low[index]!));
      const stretch = (degraded.width * good.height) / (degraded.height * good.width);
      if (Math.abs(stretch - 1) > largestStretch)
        throw new RangeError(
          `Cannot pair ${high[index]} with ${low[index]}: ${good.width} x ${good.height} and ${degraded.width} x ${degraded.height} pixels differ in shape. Replace or remove them`,
        );
      return { high: good, low: degraded };
    },
  };
}

/** In the order of the names on every machine. */
async function listPictures(folder: string, { outputFolder }: FindOptions): Promise<NamedPicture[]> {
  const { files, problems } = await findInputFiles([folder], { recursive: true, outputFolder });
  if (problems[0]) throw new Error(problems[0].message);
  const pictures = files.map(({ path, relativePath }) => {
    const { dir, name } = parse(relativePath);
    return { name: join(dir, name).replaceAll('\\', '/'), path };
  });
  return pictures.sort((a, b) => compare(a.name, b.name) || compare(a.path, b.path));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function checkHeaders(folder: string, paths: readonly string[]): Promise<void> {
  const bad: string[] = [];
  let next = 0;
  const readOnwards = async (): Promise<void> => {
    while (next < paths.length) {
      const path = paths[next++]!;
      const problem = await findHeaderProblem(path);
      if (problem !== undefined) bad.push(`${path} (${problem})`);
    }
  };
  await Promise.all(Array.from({ length: readAtOnce }, readOnwards));
  if (bad.length > 0)
    throw new Error(
      `Cannot train on ${folder}: ${bad.length} of ${paths.length} pictures cannot be read: ${listSome(bad.sort())}. Replace or remove them`,
    );
}

async function findHeaderProblem(path: string): Promise<string | undefined> {
  const signature = await readFileSignature(path);
  if (!signature) return 'it is not a picture, or may not be read';
  if (!signature.format) return `${signature.name} files cannot be read; convert it to PNG or JPEG`;
  try {
    const { width, height } = await sharp(path, { limitInputPixels: false }).metadata();
    if (width * height > defaultMaxPixels) return `it has more than ${defaultMaxPixels / 1e6} million pixels`;
    if (await hasEnd(path, signature.format)) return undefined;
    // Only the mark of the end may be missing: reading tells.
    return await readImageFile(path).then(
      () => undefined,
      () => `the ${signature.name} file ends too early`,
    );
  } catch {
    return `the ${signature.name} file is damaged`;
  }
}

const endMarks: Readonly<Record<string, Buffer>> = {
  jpeg: Buffer.of(0xff, 0xd9),
  png: Buffer.from('IEND'),
};
const tailBytes = 1 << 16;

/** Whether the mark that ends a file of such a format is where it should be; true for formats without one. */
async function hasEnd(path: string, format: string): Promise<boolean> {
  const mark = endMarks[format];
  if (!mark) return true;
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Math.max(size - tailBytes, 0);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.subarray(0, bytesRead).includes(mark);
  } finally {
    await file.close();
  }
}

const listSome = (names: readonly string[]): string => listNames(names, namedAtMost);
