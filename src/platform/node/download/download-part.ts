/** What is there of a file that is being fetched: `target.part`, and `target.part.json` about its source. */

import { constants } from 'node:fs';
import { lstat, readFile, rm, stat } from 'node:fs/promises';

interface Download {
  /** where the file goes once it is whole */
  readonly target: string;
}

export interface PartState {
  readonly url: string;
  readonly validator?: string;
  readonly totalBytes?: number;
  /** as the hub told it */
  readonly sha256?: string;
}

/** Removes a symbolic link of that name; leaves anything else. */
export async function dropLink(path: string): Promise<void> {
  const status = await lstat(path).catch(() => undefined);
  if (status?.isSymbolicLink()) await rm(path);
}

/** Never through a link; systems without links have no such flag. */
export const openPart = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** Where a file is until it is whole. */
export function partPath({ target }: Download): string {
  return `${target}.part`;
}

/** Where the source of a part is noted. */
export function statePath({ target }: Download): string {
  return `${target}.part.json`;
}

/** The source of the part that is there; undefined if it is not known. */
export async function readState(file: Download): Promise<PartState | undefined> {
  try {
    const state: unknown = JSON.parse(await readFile(statePath(file), 'utf8'));
    return typeof state === 'object' && state !== null ? (state as PartState) : undefined;
  } catch {
    return undefined;
  }
}

/** Forgets what was fetched. */
export async function dropPart(file: Download): Promise<void> {
  await rm(partPath(file), { force: true });
  await rm(statePath(file), { force: true });
}

/** 0 if there is no such file. */
export async function sizeOf(path: string): Promise<number> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ? status.size : 0;
}
