/** Folders whose pictures belong together by name. */

import { sep } from 'node:path';
import { listNames } from '../../../failure/list-names.ts';
import { findInputFiles } from './input-files.ts';

const namedAtMost = 5;

/** Paths of the pictures of one name. */
export interface PictureSet {
  /** below the folders, without the extension, with `/` */
  readonly name: string;
  readonly hq: string;
  readonly lq?: string;
  readonly restored?: string;
}

/**
 * Finds the pictures of all folders, those inside folders included, in the order of their names. Pictures
 * `NAME-comparison` beside `NAME`, as `restore --comparison` writes them, are passed over.
 * @param options.only names that are meant, where not all are
 * @throws {Error} if a folder holds no picture, two of one name, or not the same names as `hq`
 */
export async function pairPictures(
  folders: { readonly hq: string; readonly lq?: string; readonly restored?: string },
  { only }: { readonly only?: ReadonlySet<string> } = {},
): Promise<PictureSet[]> {
  const all = await picturesByName(folders.hq);
  const hq = new Map([...all].filter(([name]) => only?.has(name) ?? true));
  const others = new Map<'lq' | 'restored', ReadonlyMap<string, string>>();
  for (const role of ['lq', 'restored'] as const) {
    const folder = folders[role];
    if (folder === undefined) continue;
    const found = await picturesByName(folder);
    const pictures = role === 'restored' ? withoutNumbers(found, hq) : found;
    requireSame(folders.hq, hq, folder, pictures);
    others.set(role, pictures);
  }
  return [...hq].map(([name, path]) => ({
    name,
    hq: path,
    lq: others.get('lq')?.get(name),
    restored: others.get('restored')?.get(name),
  }));
}

/** Results of aligned faces by their pictures' names: GFPGAN's and CodeFormer's scripts call the face of NAME NAME_00. */
function withoutNumbers(
  results: ReadonlyMap<string, string>,
  hq: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map(
    [...results].map(([name, file]) => {
      const plain = name.replace(/_00$/, '');
      return [!hq.has(name) && hq.has(plain) && !results.has(plain) ? plain : name, file];
    }),
  );
}

/** The pictures below a folder by name. @throws {Error} if there is none, or two of one name */
export async function picturesByName(folder: string): Promise<Map<string, string>> {
  const { files, problems } = await findInputFiles([folder], { recursive: true, outputFolder: folder });
  if (problems[0]) throw new Error(problems[0].message);
  const named = files.map(({ path, relativePath }) => ({
    name: relativePath.replace(/\.[^./\\]*$/, '').replaceAll(sep, '/'),
    path,
  }));
  const pictures = pathsByName(folder, named);
  for (const name of pictures.keys()) {
    const pair = /^(.+)-comparison$/.exec(name)?.[1];
    if (pair !== undefined && pictures.has(pair)) pictures.delete(name);
  }
  return pictures;
}

/** A picture below a folder. */
export interface NamedPicture {
  /** its path below the folder, without the extension, with `/` */
  readonly name: string;
  readonly path: string;
}

/** @throws {Error} naming two pictures of one name */
export function pathsByName(folder: string, pictures: readonly NamedPicture[]): Map<string, string> {
  const paths = new Map<string, string>();
  for (const { name, path } of pictures) {
    const other = paths.get(name);
    if (other !== undefined)
      throw new Error(
        `Cannot pair the pictures of ${folder}: ${other} and ${path} have one name. Rename or remove one`,
      );
    paths.set(name, path);
  }
  return paths;
}

function requireSame(
  hqFolder: string,
  hq: ReadonlyMap<string, string>,
  folder: string,
  pictures: ReadonlyMap<string, string>,
): void {
  const problems = [
    [`${folder} lacks`, [...hq.keys()].filter((name) => !pictures.has(name))],
    [`${hqFolder} lacks`, [...pictures.keys()].filter((name) => !hq.has(name))],
  ] as const;
  const lists = problems.flatMap(([lack, names]) =>
    names.length > 0 ? [`${lack} ${listNames(names, namedAtMost)}`] : [],
  );
  if (lists.length > 0)
    throw new Error(
      `Cannot pair the pictures: ${lists.join('; ')}. Both folders need the same names; extensions may differ`,
    );
}
