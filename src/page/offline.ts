/** The page without a network. */

import type { PageFile } from './worker/page-files.ts';

/**
 * Starts the service worker, which keeps the page.
 * @returns megabytes that the first photo will download; undefined if they are here already
 */
export async function startOffline(): Promise<number | undefined> {
  if (import.meta.env.PROD && 'serviceWorker' in navigator)
    navigator.serviceWorker.register('./service-worker.js').catch(() => {}); // the page works without one
  const files = (await fetch('./files.json').then((response) => response.json())) as readonly PageFile[];
  const cache = await globalThis.caches?.open('interlcm-files').catch(() => undefined);
  let missing = 0;
  for (const { address, bytes, sha256, path } of files) {
    if (path === 'engine/webgpu.wasm') continue; // instead of the other, where it is used
    const key = new URL(`${address}?sha256=${sha256}`, document.baseURI).href;
    if (!(await cache?.match(key))) missing += bytes;
  }
  return missing === 0 ? undefined : Math.ceil(missing / 1e6);
}
