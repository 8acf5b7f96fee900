/** The page that restores photos, from the same place as the service. */

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { MiddlewareHandler } from 'hono';
import { findPageFile } from '../../platform/node/page/page-files.ts';

/** How the page learns that a service is behind it, and whether that asks for a key: `open` or `key`. */
export const serviceMeta = 'interlcm-service';

/**
 * Answers with a file of the page where there is one, with the page's own headers; else others answer. Nothing of it is
 * secret: the page asks for a key itself.
 */
export function servePage({ needsKey }: { readonly needsKey: boolean }): MiddlewareHandler {
  return async (context, next) => {
    const { method, path } = context.req;
    const found = method === 'GET' || method === 'HEAD' ? await findPageFile(path) : undefined;
    if (!found) return next();
    const { file, headers } = found;
    if (headers['content-type']?.startsWith('text/html')) {
      const html = await readFile(file, 'utf8');
      const meta = `<meta name="${serviceMeta}" content="${needsKey ? 'key' : 'open'}">`;
      const page = html.replace('<head>', `<head>${meta}`);
      const length = { 'content-length': String(Buffer.byteLength(page)) };
      return new Response(method === 'HEAD' ? null : page, { headers: { ...headers, ...length } });
    }
    const body = method === 'HEAD' ? null : Readable.toWeb(createReadStream(file));
    return new Response(body as ReadableStream<Uint8Array> | null, { headers });
  };
}
