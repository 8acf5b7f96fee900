/** Files of the page that are downloaded once, kept by the browser, and held to their digests. */

import type { CallTools } from './call-tools.ts';
import { hexDigest } from './hex-digest.ts';
import { PageFailure } from './page-failure.ts';
import { pagePlace } from './page-place.ts';

export interface PageFile {
  /** relative to the page */
  readonly path: string;
  /** where it is, relative to the page */
  readonly address: string;
  readonly bytes: number;
  readonly sha256: string;
}

const cacheName = 'interlcm-files';

let listed: Promise<Map<string, PageFile>> | undefined;
const loaded = new Map<string, Promise<Blob>>();
const loadedBytes = new Map<string, number>();

/** All files by their paths: the model's, the face networks', the engine's. */
export function pageFiles(): Promise<Map<string, PageFile>> {
  listed ??= fetchFile('files.json')
    .then((response) => response.json())
    .then((files: readonly PageFile[]) => new Map(files.map((file) => [file.path, file])));
  listed.catch(() => {
    listed = undefined;
  });
  return listed;
}

/** @throws {PageFailure} if it cannot be downloaded */
export function pageFile(path: string, { onEvent }: Pick<CallTools, 'onEvent'>): Promise<Blob> {
  const known = loaded.get(path);
  if (known) return known;
  const file = load(path, onEvent);
  loaded.set(path, file);
  file.catch(() => loaded.delete(path));
  return file;
}

/** ONNX Runtime's WebAssembly. */
export async function loadEngine(
  device: 'webgpu' | 'wasm',
  tools: CallTools,
): Promise<ArrayBuffer | undefined> {
  const path = `engine/${device}.wasm`;
  if (!(await pageFiles()).has(path)) return undefined;
  return (await pageFile(path, tools)).arrayBuffer();
}

async function load(path: string, onEvent: CallTools['onEvent']): Promise<Blob> {
  const file = (await pageFiles()).get(path);
  if (!file) throw new PageFailure('other', `the page has no file ${path}`);
  // Pages without a secure context have no cache, and no digests.
  const cache = await globalThis.caches?.open(cacheName).catch(() => undefined);
  const key = new URL(`${file.address}?sha256=${file.sha256}`, pagePlace).href;
  const kept = await (await cache?.match(key))?.blob();
  if (kept && (await isWhole(kept, file))) return kept;
  const blob = await download(file, onEvent);
  onEvent({ kind: 'downloaded' });
  if (!(await isWhole(blob, file)))
    throw new PageFailure('offline', `${path} arrived damaged: its digest is another. Try again`);
  await cache?.put(key, new Response(blob)).catch(() => {}); // the browser's room may be full
  return blob;
}

async function isWhole(blob: Blob, { bytes, sha256 }: PageFile): Promise<boolean> {
  if (blob.size !== bytes) return false;
  return !globalThis.crypto?.subtle || (await hexDigest(blob)) === sha256;
}

async function download({ path, address }: PageFile, onEvent: CallTools['onEvent']): Promise<Blob> {
  const response = await fetchFile(address);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const files = await pageFiles();
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    loadedBytes.set(path, bytes);
    const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
    onEvent({
      kind: 'download',
      loadedBytes: sum(loadedBytes.values()),
      totalBytes: sum([...files.values()].filter((one) => isUsed(one.path)).map((one) => one.bytes)),
    });
  }
  return new Blob(chunks);
}

/** Of the engine's two files a browser needs one, mostly that of WebAssembly. */
function isUsed(path: string): boolean {
  return path !== 'engine/webgpu.wasm' || loadedBytes.has(path);
}

async function fetchFile(address: string): Promise<Response> {
  const url = new URL(address, pagePlace);
  const response = await fetch(url).catch((cause: unknown) => {
    throw new PageFailure('offline', `${url.pathname} could not be downloaded`, cause);
  });
  if (!response.ok)
    throw new PageFailure('offline', `${url.pathname}: the server answered ${response.status}`);
  return response;
}
