/** Where results go: names that say which input they come from and never take each other's place. */

import { stat } from 'node:fs/promises';
import { join, parse, relative } from 'node:path';
import type { InputFile } from '../../platform/node/files/input-files.ts';
import {
  allPictureExtensions,
  type ImageFormat,
  pictureExtensions,
} from '../../platform/node/picture/image-format.ts';
import { UsageError } from './usage-error.ts';

export interface OutputRequest {
  readonly input: InputFile;
  readonly format: ImageFormat;
}

export interface OutputFile extends OutputRequest {
  readonly path: string;
  /** input and result side by side; absent if not asked for */
  readonly comparison?: string;
  /** results of the seeds after the first */
  readonly samples: readonly { readonly seed: number; readonly path: string }[];
  /** where the name could not be the input's, why */
  readonly notes: readonly string[];
}

/**
 * Chooses a path in `folder` for each result: the input's place and name, with another extension where the format
 * asks for it. Where two inputs would meet (`a.png`, `a.jpg`), the one whose name stays whole keeps it, and the
 * other becomes `a-2.png`. Letter case does not tell names apart, as on many disks.
 * @param foreign paths of files in `folder` that are to be kept
 * @param moreSeeds of further results of each input, `a-seed8.png`
 */
export function planOutputFiles(
  requests: readonly OutputRequest[],
  {
    folder,
    comparison,
    moreSeeds = [],
    foreign = [],
  }: { folder: string; comparison: boolean; moreSeeds?: readonly number[]; foreign?: readonly string[] },
): OutputFile[] {
  const wanted = requests.map(({ input, format }) => withExtension(input.relativePath, format));
  const kept = new Set(foreign.map((path) => nameKey(relative(folder, path))));
  const taken = new Set(kept);
  const names: (string | undefined)[] = requests.map(() => undefined);
  const claim = (index: number, name: string): void => {
    if (names[index] !== undefined || taken.has(nameKey(name))) return;
    taken.add(nameKey(name));
    names[index] = name;
  };
  for (const [index, { input }] of requests.entries())
    if (wanted[index] === input.relativePath) claim(index, input.relativePath);
  for (const [index, name] of wanted.entries()) claim(index, name);

  const planned = requests.map((request, index) => {
    const name = names[index] ?? claimNumbered(wanted[index]!, taken);
    const notes =
      name === wanted[index]
        ? []
        : [
            kept.has(nameKey(wanted[index]!))
              ? `written as ${name}: ${wanted[index]} was there and is no result of an earlier run, so it is kept`
              : `written as ${name}: ${wanted[index]} comes from another input`,
          ];
    return { ...request, name, path: join(folder, name), notes };
  });
  return planned.map(({ name, ...file }) => {
    const { dir, name: stem, ext } = parse(name);
    const claimBeside = (suffix: string): string =>
      join(folder, claimNumbered(join(dir, `${stem}-${suffix}${ext}`), taken));
    const samples = moreSeeds.map((seed) => ({ seed, path: claimBeside(`seed${seed}`) }));
    return { ...file, samples, ...(comparison && { comparison: claimBeside('comparison') }) };
  });
}

/** Every path that a result is to be written to. */
export function pathsOf({ path, comparison, samples }: OutputFile): string[] {
  return [path, ...(comparison === undefined ? [] : [comparison]), ...samples.map((sample) => sample.path)];
}

/** A name as far as disks tell names apart. */
function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function withExtension(path: string, format: ImageFormat): string {
  const { dir, base, name, ext } = parse(path);
  const lowerCase = ext.toLowerCase();
  if (pictureExtensions[format].includes(lowerCase)) return path;
  return join(dir, (allPictureExtensions.has(lowerCase) ? name : base) + pictureExtensions[format][0]);
}

/** `name`, or the first of `name-2`, `name-3` that is free; taken from then on. */
function claimNumbered(path: string, taken: Set<string>): string {
  const { dir, name, ext } = parse(path);
  let candidate = path;
  for (let number = 2; taken.has(nameKey(candidate)); number++)
    candidate = join(dir, `${name}-${number}${ext}`);
  taken.add(nameKey(candidate));
  return candidate;
}

/**
 * Makes sure that no result would replace an input, by whatever name or link.
 * @throws {UsageError} naming the first that would
 */
export async function refuseToOverwriteInputs(outputs: readonly OutputFile[]): Promise<void> {
  const inputs = new Map<string, string>();
  for (const { input } of outputs) {
    const identity = await fileIdentity(input.path);
    if (identity !== undefined) inputs.set(identity, input.path);
  }
  for (const output of outputs)
    for (const path of pathsOf(output)) {
      const identity = await fileIdentity(path);
      const input = identity === undefined ? undefined : inputs.get(identity);
      if (input !== undefined)
        throw new UsageError(
          `Cannot write ${path}: that would replace the input ${input}; choose another folder with --output`,
        );
    }
}

async function fileIdentity(path: string): Promise<string | undefined> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  return status && `${status.dev}:${status.ino}`;
}
