/** The built page and what its worker downloads, for a server: the one that this package has, or any other. */

import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFile } from '../files/file-kind.ts';
import { embeddedModel, faceApiFolder } from '../model/packaged-models.ts';
import { pageHeaders } from './page-headers.ts';

export interface ServedFile {
  /** on this machine; nothing of it goes into an answer */
  readonly file: string;
  readonly bytes: number;
  /** of the answer, in lower case */
  readonly headers: Readonly<Record<string, string>>;
}

const builtPage = fileURLToPath(new URL('../../../../dist/page', import.meta.url));

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.safetensors': 'application/octet-stream',
  '.bin': 'application/octet-stream',
};

/** Names of these change with their content. */
const lasting = /^assets\//;

/**
 * The file that the page has at a path.
 * @param urlPath of the request, decoded or not, without its query: '/' is the page itself
 * @returns undefined if there is none; paths out of the page's folders have none
 */
export async function findPageFile(urlPath: string): Promise<ServedFile | undefined> {
  const name = readPath(urlPath);
  const type = name === undefined ? undefined : types[path.extname(name)];
  if (name === undefined || type === undefined) return undefined;
  const [folder, below] = placeOf(name);
  const plain = path.join(folder, below);
  const packed = `${plain}.gz`;
  const isPlain = await isFile(plain);
  const file = isPlain ? plain : packed;
  if (!(isPlain || (await isFile(packed)))) return undefined;
  // A link in a folder must not lead out of it.
  const [real, realFolder] = await Promise.all([realpath(file), realpath(folder)]);
  if (!real.startsWith(realFolder + path.sep)) return undefined;
  const { size } = await stat(file);
  const headers = {
    ...pageHeaders,
    'content-type': type,
    // Every browser that runs WebAssembly takes it.
    ...(!isPlain && { 'content-encoding': 'gzip' }),
    'content-length': String(size),
    'cache-control': lasting.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  return { file, bytes: size, headers };
}

/** Whether the page was built: it is, in a package that was installed. */
export async function isPageBuilt(): Promise<boolean> {
  return (await findPageFile('/')) !== undefined;
}

function readPath(urlPath: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath);
  } catch {
    return undefined;
  }
  const name = decoded.replace(/^\/+/, '') || 'index.html';
  const isPlain = /^[\w.-]+(\/[\w.-]+)*$/.test(name) && !name.split('/').some((part) => part.startsWith('.'));
  return isPlain ? name : undefined;
}

/** The model and the face networks lie where Node has them too: the package holds each once. */
function placeOf(name: string): readonly [folder: string, below: string] {
  const [first, ...rest] = name.split('/');
  const below = rest.join('/');
  if (first === 'embedded' && below) return [embeddedModel, below];
  if (first === 'faces' && below) return [faceApiFolder, below];
  return [builtPage, name];
}
