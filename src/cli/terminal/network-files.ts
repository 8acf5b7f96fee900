/** Networks that flags name: files, or by name what `download` has fetched. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ReleasedFile } from '../../platform/node/download/release.ts';
import { downloadFolder, releases } from '../../platform/node/download/released-files.ts';
import { isFile } from '../../platform/node/files/file-kind.ts';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { UsageError } from './usage-error.ts';

/** Names of releases that a flag takes, as `download` has them. */
export const networkReleases = {
  '--restorer': ['gfpgan', 'codeformer', 'gpen', 'restoreformer-pp'],
  '--detector': ['detector', 'detector-small'],
  '--parser': ['parser'],
  '--background': ['upscaler-2x', 'upscaler-4x'],
} as const;
type NetworkFlag = keyof typeof networkReleases;

/** Folders that names are looked for in: the checkpoint, if one is given, and where `download` writes. */
export function networkFolders(checkpoint: string | undefined): string[] {
  return checkpoint === undefined ? [downloadFolder] : [checkpoint, downloadFolder];
}

/**
 * The file that a flag means.
 * @param words that the flag takes beside files, for errors
 * @throws {UsageError} if there is no such file, Error if what it names has not been downloaded
 */
export async function findNetworkFile(
  flag: NetworkFlag,
  value: string,
  { folders, words = [] }: { folders: readonly string[]; words?: readonly string[] },
): Promise<string> {
  const names: readonly string[] = networkReleases[flag];
  if (names.includes(value)) {
    const [file] = filesOf(value);
    const found = await findIn(folders, [file!]);
    if (found !== undefined) return path.join(found, file!.path);
    throw new Error(
      `Cannot use ${flag} ${value}: there is no ${file!.path} in ${folders.join(' or ')}. ${howToGet(value, folders)}`,
    );
  }
  const found = await stat(value).catch((error: unknown) => explainSystemError(error));
  if (typeof found !== 'string' && found.isFile()) return value;
  const problem =
    typeof found === 'string' ? found : found.isDirectory() ? 'it is a folder' : 'it is not a file';
  const taken = [...words, ...names].join(', ');
  throw new UsageError(
    `${flag} ${value}: ${problem}. It takes a file, or by name: ${taken}; interlcm download gets the networks`,
  );
}

/** What released encoders can do beside restoring. */
export type EncoderTask = 'colorization' | 'inpainting';

interface TaskEncoders {
  readonly checkpoint: string;
  readonly visualEncoder: string;
  readonly spatialEncoder: string;
}

/**
 * The first of the folders with the encoders of a task: the rest of the model is in the same one.
 * @throws {Error} if none has them
 */
export async function findTaskEncoders(task: EncoderTask, folders: readonly string[]): Promise<TaskEncoders> {
  const files = filesOf(task).filter((file) => file.path.startsWith('interlcm/'));
  const checkpoint = await findIn(folders, files);
  if (checkpoint === undefined)
    throw new Error(
      `Cannot start ${task}: there is no ${files.map((file) => file.path).join(', ')} in ${folders.join(' or ')}. ${howToGet(task, folders)}; for other weights give --visual-encoder and --spatial-encoder`,
    );
  const [visualEncoder, spatialEncoder] = files.map((file) => path.join(checkpoint, file.path));
  return { checkpoint, visualEncoder: visualEncoder!, spatialEncoder: spatialEncoder! };
}

function howToGet(release: string, [folder]: readonly string[]): string {
  const output = folder === downloadFolder ? '' : ` -o ${folder}`;
  return `Get it with: interlcm download ${release}${output}`;
}

function filesOf(name: string): ReleasedFile[] {
  return releases
    .filter((release) => release.name === name)
    .flatMap(({ parts }) => parts.flatMap((part) => part.files));
}

/** The first folder that holds all of some files. */
async function findIn(
  folders: readonly string[],
  files: readonly ReleasedFile[],
): Promise<string | undefined> {
  for (const folder of folders) {
    const there = await Promise.all(files.map((file) => isFile(path.join(folder, file.path))));
    if (there.every(Boolean)) return folder;
  }
  return undefined;
}
