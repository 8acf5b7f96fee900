/** `interlcm page`: the page, from this machine to its own browser. */

import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { command } from 'cleye';
import { findPageFile, isPageBuilt } from '../platform/node/page/page-files.ts';
import { rejectUnknownFlags } from './terminal/flag-types.ts';
import { UsageError } from './terminal/usage-error.ts';

const defaultPort = 4173;
const flags = {
  port: {
    type: Number,
    description: `Port to serve the page at, 0 for any that is free (default: ${defaultPort}, or the next free one)`,
  },
} as const;

export const pageCommand = command(
  {
    name: 'page',
    flags,
    help: {
      description:
        'Serve the page that restores photos in a browser, to this machine only; nothing is uploaded',
      examples: ['interlcm page', 'interlcm page --port 8080'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { port } = parsed.flags;
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536))
      throw new UsageError(`--port ${port}: a port is a whole number from 0 to 65535`);
    if (!(await isPageBuilt()))
      throw new Error('The page is not built: run npm run build in the clone first');
    const address = await servePage(port);
    process.stdout.write(`The page is at ${address}\nPhotos stay in your browser. Ctrl-C ends this server\n`);
  },
);

const loopback = '127.0.0.1';
const portsTried = 20;

/** @returns its address; an unnamed port that is taken is passed over */
async function servePage(port: number | undefined): Promise<string> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy()); // whoever asked has gone
  });
  const first = port ?? defaultPort;
  const last = port === undefined ? first + portsTried : first;
  for (let tried = first; ; tried++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(tried, loopback, () => {
          server.off('error', reject);
          resolve();
        });
      });
      // A browser treats this name as secure, which service workers and threads need.
      return `http://localhost:${(server.address() as AddressInfo).port}/`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE' && tried < last) continue;
      throw new Error(`Cannot serve the page at port ${tried}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isHead = request.method === 'HEAD';
  if (!isHead && request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const found = await findPageFile((request.url ?? '/').replace(/[?#].*$/s, ''));
  if (!found) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such file\n');
    return;
  }
  response.writeHead(200, found.headers);
  if (isHead) response.end();
  else await pipeline(createReadStream(found.file), response);
}
