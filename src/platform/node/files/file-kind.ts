/** What there is at a path; links are followed, and what cannot be looked at is not there. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

const look = (place: string): Promise<Stats | undefined> => stat(place).catch(() => undefined);

/** Whether there is anything. */
export async function exists(place: string): Promise<boolean> {
  return (await look(place)) !== undefined;
}

/** Whether there is a regular file. */
export async function isFile(place: string): Promise<boolean> {
  return (await look(place))?.isFile() ?? false;
}

/** Whether there is a folder. */
export async function isFolder(place: string): Promise<boolean> {
  return (await look(place))?.isDirectory() ?? false;
}
