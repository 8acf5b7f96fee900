/** Protocols of tables, and where their sets and others' results lie. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Protocol, type ProtocolSet, parseProtocol, sameName } from '../../../measure/protocol.ts';
import { isFolder } from '../files/file-kind.ts';

/** Folder of the protocols that come with this package; beside `src` as beside `dist`. */
const protocolFolder = fileURLToPath(new URL('../../../../protocols', import.meta.url));

/** Names of the tables that come with this package. */
export async function listProtocols(): Promise<string[]> {
  const files = await readdir(protocolFolder);
  return files.flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []).sort();
}

/** @param name of a table that comes with this package, or a file. @throws {SyntaxError} if it is no protocol */
export async function readProtocol(name: string): Promise<Protocol> {
  const file = name.endsWith('.json') ? name : path.join(protocolFolder, `${name}.json`);
  return parseProtocol(await readFile(file, 'utf8'), file);
}

/** A set of a table that is there. */
export interface FoundSet {
  readonly set: ProtocolSet;
  /** The low-quality pictures. */
  readonly lq: string;
  readonly truth?: string;
  /** The folder that stands in for the set, where it is not there itself. */
  readonly standIn?: string;
}

export interface FoundSets {
  readonly found: readonly FoundSet[];
  readonly missing: readonly ProtocolSet[];
}

const truthNames = ['hq', 'gt', 'truth', 'high-quality'];
const inputNames = ['lq', 'input', 'inputs', 'low-quality'];

/**
 * Looks for the sets of a table below a folder, each in a folder by its name: the pictures themselves, or `lq`, and
 * `hq` where there is a truth. What stands in for a set is taken only where no set is there by its name.
 * @param given folders of sets by name, relative to the working folder; they come first
 * @throws {Error} if there is no such folder
 */
export async function findSets(
  { sets }: Protocol,
  data: string,
  given: ReadonlyMap<string, string> = new Map(),
): Promise<FoundSets> {
  const folders = await foldersIn(data);
  const found: FoundSet[] = [];
  for (const set of sets) {
    const named = given.get(set.name) ?? findByName(folders, set.folders);
    if (named !== undefined) found.push({ set, ...(await rolesIn(named)) });
  }
  if (found.length === 0)
    for (const set of sets) {
      const other = set.standIn === undefined ? undefined : path.join(data, set.standIn);
      if (other !== undefined && (await isFolder(other)))
        found.push({ set, ...(await rolesIn(other)), standIn: other });
    }
  return { found, missing: sets.filter((set) => !found.some((one) => one.set === set)) };
}

async function rolesIn(folder: string): Promise<{ lq: string; truth?: string }> {
  const inside = await foldersIn(folder);
  const truth = findByName(inside, truthNames);
  return { lq: findByName(inside, inputNames) ?? folder, ...(truth !== undefined && { truth }) };
}

/** Results of one method. */
export interface FoundResults {
  readonly method: string;
  /** Its results by set. */
  readonly folders: ReadonlyMap<ProtocolSet, string>;
}

/**
 * Results of others: a folder a method, in it a folder a set, by their names.
 * @throws {Error} if there is no such folder
 */
export async function findResults({ sets }: Protocol, results: string): Promise<FoundResults[]> {
  const found: FoundResults[] = [];
  for (const method of await foldersIn(results)) {
    const inside = await foldersIn(method);
    const folders = new Map<ProtocolSet, string>();
    for (const set of sets) {
      const folder = findByName(inside, set.folders);
      if (folder === undefined) continue;
      // GFPGAN's and CodeFormer's scripts put faces, photos and comparisons into folders of their own.
      folders.set(set, findByName(await foldersIn(folder), ['restored_faces']) ?? folder);
    }
    if (folders.size > 0) found.push({ method: path.basename(method), folders });
  }
  return found;
}

/** Paths of the folders in a folder, by name. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch((cause: Error) => {
    throw new Error(`Cannot look for pictures in ${folder}: ${cause.message}`, { cause });
  });
  const paths = entries
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => path.join(folder, name));
  const marks = await Promise.all(paths.map(isFolder));
  return paths.filter((_, i) => marks[i]);
}

/** The folder of the first of some names that there is. */
function findByName(folders: readonly string[], names: readonly string[]): string | undefined {
  for (const name of names) {
    const folder = folders.find((one) => sameName(path.basename(one), name));
    if (folder !== undefined) return folder;
  }
  return undefined;
}
