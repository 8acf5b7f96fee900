/** From what a user names (files, folders, globs) to the picture files that are meant. */

import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { escapePath, glob, isDynamicPattern } from 'tinyglobby';
import type { Failure } from '../../../failure/failure.ts';
import { type ImageSignature, readImageSignature, SIGNATURE_BYTES } from '../../../image/image-signature.ts';
import { exists } from './file-kind.ts';
import { explainSystemError } from './system-error.ts';

export interface InputFile {
  /** to open it */
  readonly path: string;
  /** its place below the folder or the fixed part of the glob that named it; the name alone for a file */
  readonly relativePath: string;
  /** where its first bytes had to be read already */
  readonly signature?: ImageSignature;
}

export interface InputFiles {
  /** each file once, in the order of the arguments, by name within a folder */
  readonly files: readonly InputFile[];
  /** as `files`, of what `isVideo` says is one */
  readonly videos: readonly InputFile[];
  /** arguments and folders that gave nothing, and why */
  readonly problems: readonly InputProblem[];
}

export interface InputProblem {
  readonly path: string;
  readonly message: string;
  readonly failure?: Failure;
}

interface InputOptions {
  /** whether folders inside folders count */
  readonly recursive: boolean;
  /** not entered from outside, so that results do not become inputs of the next run */
  readonly outputFolder?: string;
  /** tells videos by their names; without it there are none */
  readonly isVideo?: (path: string) => boolean;
}

const imageExtension = /^\.(png|jpe?g|jpe|jfif|webp|avif|tiff?|gif|bmp|hei[cf])$/i;
const byName = new Intl.Collator('en', { numeric: true });

/**
 * Finds the pictures that `args` name. An existing path is taken literally, whatever characters it holds; else
 * it is read as a glob. In folders, a picture is known by its first bytes, or by its extension (so that a
 * damaged one is reported, not passed over); hidden files are passed over. A folder reached twice through
 * symbolic links is read once. Files are not checked beyond that: reading them tells.
 */
export async function findInputFiles(args: readonly string[], options: InputOptions): Promise<InputFiles> {
  const search = new Search(options);
  for (const arg of args) await search.add(arg);
  return search;
}

class Search implements InputFiles {
  readonly files: InputFile[] = [];
  readonly videos: InputFile[] = [];
  readonly problems: InputProblem[] = [];
  readonly #seen = new Set<string>();
  readonly #output: string | undefined;
  readonly #recursive: boolean;
  readonly #isVideo: (path: string) => boolean;

  constructor({ recursive, outputFolder, isVideo = () => false }: InputOptions) {
    this.#recursive = recursive;
    this.#isVideo = isVideo;
    this.#output = outputFolder === undefined ? undefined : resolve(outputFolder);
  }

  async add(arg: string): Promise<void> {
    const status = await stat(arg).catch((error: NodeJS.ErrnoException) => error);
    if (status instanceof Error) {
      if (status.code === 'ENOENT' && isDynamicPattern(arg)) await this.#addGlob(arg);
      else this.problems.push({ path: arg, message: `Cannot read ${arg}: ${explainSystemError(status)}` });
    } else if (status.isDirectory()) {
      if ((await this.#addFolder(arg, '', new Set())) === 0) this.#nothingIn(arg);
    } else await this.#addFile(arg, basename(arg));
  }

  async #addFile(path: string, relativePath: string, signature?: ImageSignature): Promise<void> {
    const identity = await realpath(path).catch(() => resolve(path));
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    const files = this.#isVideo(path) ? this.videos : this.files;
    files.push({ path, relativePath, ...(signature && { signature }) });
  }

  /** @returns how many pictures it holds, or undefined if it could not be listed */
  async #addFolder(folder: string, below: string, visited: Set<string>): Promise<number | undefined> {
    let entries: Dirent[];
    let unnameable: string[];
    try {
      const identity = await realpath(folder);
      if (visited.has(identity)) return 0;
      visited.add(identity);
      ({ entries, unnameable } = await listFolder(folder, this.#recursive));
    } catch (error) {
      this.problems.push({ path: folder, message: `Cannot list ${folder}: ${explainSystemError(error)}` });
      return undefined;
    }
    let count = 0;
    for (const name of unnameable) {
      this.#refuseName(join(folder, name));
      count++;
    }
    entries.sort((a, b) => byName.compare(a.name, b.name));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      const relativePath = join(below, entry.name);
      if (await isFolder(entry, path)) {
        if (!this.#recursive || resolve(path) === this.#output) continue;
        count += (await this.#addFolder(path, relativePath, visited)) ?? 0;
      } else {
        const known = this.#isVideo(path) ? {} : await recognise(path);
        if (!known) continue;
        await this.#addFile(path, relativePath, known.signature);
        count++;
      }
    }
    return count;
  }

  async #addGlob(arg: string): Promise<void> {
    const pattern = sep === '\\' ? arg.replaceAll('\\', '/') : arg;
    const base = fixedPart(pattern);
    const output = this.#output;
    const ignore =
      output === undefined || isInside(resolve(base), output) ? [] : [`${escapePath(output)}/**`];
    const paths = await glob(pattern, { ignore, expandDirectories: false, absolute: true });
    paths.sort(byName.compare);
    let count = 0;
    for (const absolute of paths) {
      if (absolute.includes(replacement) && !(await exists(absolute))) {
        this.#refuseName(relative('', absolute));
        count++;
        continue;
      }
      const known = this.#isVideo(absolute) ? {} : await recognise(absolute);
      if (!known) continue;
      count++;
      const path = isAbsolute(arg) ? absolute : relative('', absolute);
      const below = relative(resolve(base), absolute);
      await this.#addFile(path, below.startsWith('..') ? basename(absolute) : below, known.signature);
    }
    if (count === 0)
      this.problems.push({
        path: arg,
        message: `Cannot read ${arg}: no such file, and no picture fits it as a glob`,
      });
  }

  #refuseName(path: string): void {
    this.problems.push({
      path,
      message: `Cannot read ${path}: its name is not UTF-8, which Node cannot open; rename it`,
    });
  }

  #nothingIn(folder: string): void {
    this.problems.push({
      path: folder,
      message: `Cannot find a picture in ${folder}`,
      failure: { code: 'no-picture-in-folder', recursive: this.#recursive },
    });
  }
}

/** What stands for bytes that are no UTF-8. */
const replacement = '\ufffd';

/** What a folder holds; apart from it, escaped, what text cannot name. */
async function listFolder(
  folder: string,
  recursive: boolean,
): Promise<{ entries: Dirent[]; unnameable: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (!entries.some(({ name }) => name.includes(replacement))) return { entries, unnameable: [] };
  const all = await readdir(folder, { encoding: 'buffer', withFileTypes: true });
  const nameable = new Set(all.filter(({ name }) => isUtf8(name)).map(({ name }) => name.toString()));
  const others = all.filter((entry) => !isUtf8(entry.name) && (recursive || !entry.isDirectory()));
  return {
    entries: entries.filter(({ name }) => nameable.has(name)),
    unnameable: others.map(({ name }) => escapeBytes(name)).sort(),
  };
}

/** `caf\xe9.jpg` */
function escapeBytes(name: Buffer): string {
  return name
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`);
}

/** The folders of a glob before the first special character. */
function fixedPart(pattern: string): string {
  const segments = pattern.split('/');
  const special = segments.findIndex((segment) => isDynamicPattern(segment));
  return segments.slice(0, special === -1 ? -1 : special).join('/') || (pattern.startsWith('/') ? '/' : '.');
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(path).catch(() => undefined);
  return target?.isDirectory() ?? false;
}

/** Whether a file may be a picture, by its extension or else by its first bytes. */
async function recognise(path: string): Promise<{ readonly signature?: ImageSignature } | undefined> {
  if (imageExtension.test(extname(path))) return {};
  const signature = await readFileSignature(path);
  return signature?.format === undefined ? undefined : { signature };
}

/** What a file says it is by its first bytes; undefined if it is no picture or cannot be read. */
export async function readFileSignature(path: string): Promise<ImageSignature | undefined> {
  // Asked before opening: opening a pipe waits for a writer.
  const status = await stat(path).catch(() => undefined);
  if (!status?.isFile()) return undefined;
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0);
    return readImageSignature(buffer.subarray(0, bytesRead));
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
