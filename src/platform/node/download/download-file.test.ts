import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvHttpProxyAgent, MockAgent } from 'undici';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DownloadOptions, downloadFile, type FileDownload } from './download-file.ts';
import { createDispatcher } from './http-download.ts';

/** Contents that differ at every place, in the wrapping of a zip archive. */
function makeFile(bytes: number, seed: number): Buffer {
  const file = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) file[i] = (i * 31 + (i >> 8) * 7 + seed) & 255;
  file.write('PK\x03\x04', 'latin1');
  return file;
}

const file = makeFile(300_000, 1);
const sha256 = createHash('sha256').update(file).digest('hex');

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let root: string;
let target: string;
const servers: Server[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'download-'));
  target = join(root, 'deep/weights.pth');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(root, { recursive: true, force: true });
});

/** A server, and the requests that it got. */
async function serve(handler: Handler): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response, requests.length);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/weights.pth`, requests };
}

interface Honest {
  contents?: Buffer;
  etag?: string;
  /** bytes after which the connection is cut */
  cutAfter?: number;
}

/** What a well-behaved server does: ranges, If-Range, ETag. */
function honest(
  request: IncomingMessage,
  response: ServerResponse,
  { contents = file, etag = '"one"', cutAfter }: Honest = {},
): void {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const same = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
  const start = range && same ? Number(range[1]) : 0;
  if (start >= contents.length) {
    response.writeHead(416, { 'content-range': `bytes */${contents.length}` }).end();
    return;
  }
  const body = contents.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    etag,
    'content-length': body.length,
    ...(start > 0 && { 'content-range': `bytes ${start}-${contents.length - 1}/${contents.length}` }),
  });
  if (cutAfter === undefined) response.end(body);
  // Late enough for a busy machine to have read what was sent.
  else response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 300));
}

async function download(
  request: Partial<FileDownload> & Pick<FileDownload, 'urls'>,
  options: Partial<DownloadOptions> = {},
) {
  const notes: string[] = [];
  const dispatcher = createDispatcher(2000);
  try {
    const result = await downloadFile(
      { target, ...request },
      {
        dispatcher,
        signal: new AbortController().signal,
        waitMs: 1,
        retries: 2,
        onNote: (note) => notes.push(note),
        ...options,
      },
    ).then(
      (value) => ({ value, error: undefined }),
      (error: Error) => ({ value: undefined, error }),
    );
    return { ...result, notes };
  } finally {
    await dispatcher.destroy();
  }
}

const leftOver = () => readdir(join(root, 'deep'));

describe('downloadFile', () => {
  it('fetches, checks and names a file', async () => {
    const { url } = await serve((request, response) => honest(request, response));
    const seen: number[] = [];
    const { value, error } = await download(
      { urls: [url], sha256, bytes: file.length },
      { onProgress: ({ phase, doneBytes }) => phase === 'fetch' && seen.push(doneBytes) },
    );
    expect(error).toBeUndefined();
    expect(value).toEqual({ url, bytes: file.length, sha256, checked: 'sha256' });
    expect((await readFile(target)).equals(file)).toBe(true);
    expect(await leftOver()).toEqual(['weights.pth']);
    expect(seen.at(-1)).toBe(file.length);
  });

  it('continues where a connection breaks off, as often as it gets on', async () => {
    // Four breaks with two retries allowed: each moved the end on.
    const { url, requests } = await serve((request, response, count) =>
      honest(request, response, count <= 4 ? { cutAfter: 50_000 } : {}),
    );
    const { value, notes } = await download({ urls: [url] });
    expect(value).toMatchObject({ checked: 'size', sha256 });
    expect((await readFile(target)).equals(file)).toBe(true);
    expect(requests).toHaveLength(5);
    expect(requests[1]?.headers).toMatchObject({ 'if-range': '"one"' });
    expect(requests[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(notes[0]).toContain('the connection was cut');
  });

  it('continues what another run left, and starts again when the file changed since', async () => {
    let version: Honest = { cutAfter: 100_000 };
    const { url, requests } = await serve((request, response) => honest(request, response, version));
    const first = await download({ urls: [url] }, { retries: 0 });
    expect(first.error?.message).toContain('What was fetched is kept');
    expect(await leftOver()).toEqual(['weights.pth.part', 'weights.pth.part.json']);

    const changed = makeFile(file.length, 9);
    version = { contents: changed, etag: '"two"' };
    expect((await download({ urls: [url] })).value).toMatchObject({ checked: 'size' });
    expect(requests.at(-1)?.headers).toMatchObject({ 'if-range': '"one"' });
    expect((await readFile(target)).equals(changed)).toBe(true);
  });

  it('notices a change that the server hides', async () => {
    const changed = makeFile(file.length, 9);
    const { url } = await serve((request, response, count) => {
      if (count === 1) return honest(request, response, { cutAfter: 100_000 });
      // Ignores If-Range, but its ETag tells.
      delete request.headers['if-range'];
      honest(request, response, { contents: changed, etag: '"two"' });
    });
    expect((await download({ urls: [url] })).value).toMatchObject({ checked: 'size' });
    expect((await readFile(target)).equals(changed)).toBe(true);
  });

  it('starts again where the server ignores ranges', async () => {
    const { url } = await serve((request, response, count) => {
      delete request.headers.range;
      honest(request, response, count === 1 ? { cutAfter: 100_000 } : {});
    });
    expect((await download({ urls: [url], sha256 })).value).toMatchObject({ checked: 'sha256' });
    expect((await readFile(target)).equals(file)).toBe(true);
  });

  it('starts again where no version can be told', async () => {
    const { url, requests } = await serve((request, response, count) => {
      response.setHeader('content-length', file.length);
      if (count > 1) return void response.end(file);
      response.write(file.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
      expect(request.headers.range).toBeUndefined();
    });
    expect((await download({ urls: [url] })).value).toMatchObject({ checked: 'size' });
    expect(requests[1]?.headers.range).toBeUndefined();
    expect((await readFile(target)).equals(file)).toBe(true);
  });

  it('replaces a part that is longer than the file', async () => {
    const { url } = await serve((request, response) => honest(request, response));
    await download({ urls: [url] });
    await rm(target);
    await writeFile(`${target}.part`, Buffer.alloc(file.length + 10));
    expect((await download({ urls: [url], sha256 })).value).toMatchObject({ checked: 'sha256' });
    expect((await readFile(target)).equals(file)).toBe(true);
  });

  it('fetches nothing twice when only the check was interrupted', async () => {
    const { url, requests } = await serve((request, response) => honest(request, response));
    await download({ urls: [url] }, { retries: 0 });
    const { etag } = { etag: '"one"' };
    await rm(target);
    await writeFile(`${target}.part`, file);
    await writeFile(`${target}.part.json`, JSON.stringify({ url, validator: etag, totalBytes: file.length }));
    expect((await download({ urls: [url] })).value).toMatchObject({ bytes: file.length });
    expect(requests).toHaveLength(1);
  });

  it.each([
    [
      'a length that is too long',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': file.length + 5 });
        response.write(file, () => setTimeout(() => response.destroy(), 20));
      },
      {},
      /the connection was cut/,
    ],
    [
      'another length than the published one',
      (response: ServerResponse) => response.writeHead(200, { 'content-length': 5 }).end('PK\x03\x04.'),
      { bytes: file.length },
      /the server's file has 5 bytes, the published one 300000/,
    ],
    [
      'more than the published length, untold',
      (response: ServerResponse) => response.writeHead(200).end(Buffer.concat([file, file])),
      { bytes: file.length },
      /more than the 300000 bytes/,
    ],
    [
      'an error page as a success',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Sign in</html>'),
      {},
      /a web page instead of the file/,
    ],
    [
      'an error page in disguise',
      (response: ServerResponse) => response.writeHead(200).end('<!doctype html>'),
      {},
      /begins with "<!doctype html>"/,
    ],
    [
      'other contents',
      (response: ServerResponse) => response.writeHead(200).end(makeFile(file.length, 2)),
      { sha256 },
      new RegExp(`what came has the SHA-256 [0-9a-f]{64}, the published file ${sha256}`),
    ],
    [
      'a compressed transfer',
      (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      {},
      /compressed \(gzip\)/,
    ],
    [
      'a redirect to a file',
      (response: ServerResponse) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      {},
      /redirects to "file:\/\/\/etc\/passwd", which is no http/,
    ],
    [
      'redirects in a circle',
      (response: ServerResponse) => response.writeHead(302, { location: '/weights.pth' }).end(),
      {},
      /redirects more than 10 times/,
    ],
    [
      'nothing there',
      (response: ServerResponse) => response.writeHead(404).end(),
      {},
      /404 \(it has no such/,
    ],
    ['refusal', (response: ServerResponse) => response.writeHead(403).end(), {}, /403 \(it does not allow/],
  ])('refuses %s, and takes the next source', async (_, answer, known, message) => {
    const bad = await serve((_request, response) => void answer(response));
    const alone = await download({ urls: [bad.url], ...known });
    expect(alone.error?.message).toMatch(message);
    expect(alone.error?.message).toContain(`${target}:\n  ${bad.url}: `);
    expect(await leftOver()).not.toContain('weights.pth');

    const good = await serve((request, response) => honest(request, response));
    const { value, notes } = await download({ urls: [bad.url, good.url], ...known });
    expect(value?.url).toBe(good.url);
    expect(notes.at(-1)).toMatch(message);
    expect((await readFile(target)).equals(file)).toBe(true);
  });

  it('continues a pinned file from another source', async () => {
    const first = await serve((request, response) => honest(request, response, { cutAfter: 100_000 }));
    await download({ urls: [first.url], sha256 }, { retries: 0 });
    const second = await serve((request, response) => honest(request, response, { etag: '"other"' }));
    expect((await download({ urls: [second.url], sha256 })).value).toMatchObject({ checked: 'sha256' });
    expect(second.requests[0]?.headers.range).toMatch(/^bytes=[1-9]/);
    expect((await readFile(target)).equals(file)).toBe(true);
  });

  it('takes the digest that the hub tells beside its redirect', async () => {
    const store = await serve((request, response) => honest(request, response));
    const hub = (digest: string) =>
      serve((_request, response) =>
        response.writeHead(302, { location: store.url, 'x-linked-etag': `"${digest}"` }).end(),
      );
    expect((await download({ urls: [(await hub(sha256)).url] })).value).toMatchObject({ checked: 'told' });
    const wrong = await download({ urls: [(await hub('0'.repeat(64))).url] });
    expect(wrong.error?.message).toContain('what came has the SHA-256');
  });

  it('joins no parts where an answer does not tell its version', async () => {
    const changed = makeFile(file.length, 9);
    const { url } = await serve((request, response, count) => {
      if (count === 1) return honest(request, response, { cutAfter: 100_000 });
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const body = changed.subarray(start);
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': body.length,
        ...(start > 0 && { 'content-range': `bytes ${start}-${changed.length - 1}/${changed.length}` }),
      });
      response.end(body);
    });
    expect((await download({ urls: [url] })).value).toMatchObject({ checked: 'size' });
    expect((await readFile(target)).equals(changed)).toBe(true);
  });

  it.each([
    ['weights', 'weights.pth', 1000],
    ['a config', 'config.json', undefined],
  ])('ends a body without end, of %s', async (_, name, aboutBytes) => {
    const { url } = await serve((_request, response) => {
      response.write(name.endsWith('.json') ? '{' : 'PK\x03\x04');
      const more = (): void => void (response.destroyed || response.write(Buffer.alloc(2 ** 20, ' '), more));
      more();
    });
    const { error } = await download({ urls: [url], aboutBytes, target: join(root, name) }, { retries: 0 });
    expect(error?.message).toMatch(/more than the (4000|16777216) bytes/);
    expect(await readdir(root)).toEqual([]);
  });

  it('refuses a length far beyond what is expected', async () => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-length': 5001 }).end(),
    );
    const { error } = await download({ urls: [url], aboutBytes: 1000 }, { retries: 0 });
    expect(error?.message).toContain('has 5001 bytes, at most 4000 are expected');
  });

  it.each([
    ['a config', 'config.json', Buffer.from('{"sample_size": 96, "in_chan')],
    ['weights', 'weights.pth', makeFile(5000, 1)],
  ])('does not take %s cut short for whole where no length was told', async (_, name, body) => {
    const server = createTcpServer((socket) => {
      socket.once('data', () =>
        socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'), body])),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { error } = await download(
      { urls: [`http://127.0.0.1:${port}/x`], target: join(root, name) },
      { retries: 0 },
    );
    server.close();
    expect(error?.message).toContain('what came is not whole');
    expect(await readdir(root)).toEqual([]);
  });

  it.each(['weights.pth.part', 'weights.pth.part.json'])(
    'writes nothing through %s that is a link',
    async (name) => {
      const other = join(root, 'precious');
      await writeFile(other, 'precious');
      await mkdir(join(root, 'deep'));
      await symlink(other, join(root, 'deep', name));
      const { url } = await serve((request, response) => honest(request, response));
      expect((await download({ urls: [url], sha256 })).value).toMatchObject({ checked: 'sha256' });
      expect(await readFile(other, 'utf8')).toBe('precious');
    },
  );

  it('asks once more where an address that it was sent to has expired', async () => {
    const store = await serve((request, response, count) =>
      count === 1 ? response.writeHead(403).end() : honest(request, response),
    );
    const hub = await serve((_request, response) => response.writeHead(302, { location: store.url }).end());
    expect((await download({ urls: [hub.url] }, { retries: 0 })).value).toMatchObject({ bytes: file.length });
    expect(hub.requests).toHaveLength(2);

    const expired = await serve((_request, response) => response.writeHead(403).end());
    const other = await serve((_request, response) =>
      response.writeHead(302, { location: expired.url }).end(),
    );
    expect(
      (await download({ urls: [other.url], target: `${target}2` }, { retries: 0 })).error?.message,
    ).toContain('403');
    expect(expired.requests).toHaveLength(2);
  });

  it('sends a token to the hub alone, not to where it redirects and not to other sources', async () => {
    const store = await serve((request, response) => honest(request, response));
    const hub = await serve((request, response) =>
      request.headers.authorization === 'Bearer secret'
        ? response.writeHead(302, { location: store.url }).end()
        : response.writeHead(401).end(),
    );
    const mirror = await serve((_request, response) => response.writeHead(404).end());
    const credentials = { origin: new URL(hub.url).origin, token: 'secret' };
    const { value } = await download({ urls: [mirror.url, hub.url] }, { credentials, retries: 0 });
    expect(value).toMatchObject({ bytes: file.length });
    for (const { headers } of [...mirror.requests, ...store.requests])
      expect(headers.authorization).toBeUndefined();
    const without = await download({ urls: [hub.url], target: `${target}2` }, { retries: 0 });
    expect(without.error?.message).toContain('set HF_TOKEN');
  });

  it('waits and asks again when a server is busy', async () => {
    const { url, requests } = await serve((request, response, count) => {
      if (count < 3) response.writeHead(count === 1 ? 503 : 429, { 'retry-after': '0' }).end('busy');
      else honest(request, response);
    });
    expect((await download({ urls: [url] })).value).toMatchObject({ bytes: file.length });
    expect(requests).toHaveLength(3);
    const { url: always } = await serve((_request, response) => response.writeHead(503).end());
    expect((await download({ urls: [always] })).error?.message).toMatch(/the server answers 503/);
  });

  it('gives up on a server that stops sending', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': file.length, etag: '"one"' });
      response.write(file.subarray(0, 10));
    });
    const dispatcher = createDispatcher(300);
    const { error } = await download({ urls: [url] }, { dispatcher, retries: 0 });
    await dispatcher.destroy();
    expect(error?.message).toContain('it stopped sending');
  });

  it('keeps the part when it is interrupted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': file.length, etag: '"one"' });
      response.write(file.subarray(0, 1000), () => setTimeout(() => controller.abort(reason), 50));
    });
    const { error } = await download({ urls: [url] }, { signal: controller.signal });
    expect(error).toBe(reason);
    expect(await readFile(`${target}.part`)).toEqual(file.subarray(0, 1000));
  });

  it('says that nobody answers', async () => {
    const { error } = await download({ urls: ['http://127.0.0.1:1/x'] }, { retries: 0 });
    expect(error).toMatchObject({ name: 'DownloadError', missing: false });
    expect(error?.message).toContain('it refuses connections');
  });

  it('gives up at once on a certificate that is not trusted, and says what helps', async () => {
    const dispatcher = new MockAgent();
    dispatcher.disableNetConnect();
    const error = Object.assign(new Error('self-signed certificate in certificate chain'), {
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    });
    dispatcher.get('https://hub.test').intercept({ path: '/x' }).replyWithError(error);
    const result = await download({ urls: ['https://hub.test/x'] }, { dispatcher });
    expect(result.error?.message).toContain('its certificate is not trusted (self-signed certificate');
    expect(result.error?.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(result.notes).toEqual([]);
  });

  it('takes a proxy without http://, and names what is none', async () => {
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];
    try {
      for (const name of names) vi.stubEnv(name, undefined);
      vi.stubEnv('HTTPS_PROXY', 'proxy.test:3128');
      await createDispatcher().destroy();
      vi.stubEnv('HTTPS_PROXY', 'socks5://proxy.test:1080');
      expect(() => createDispatcher()).toThrow(
        'the proxy that HTTPS_PROXY names: its address begins with http',
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('says where it cannot make a folder', async () => {
    await writeFile(join(root, 'file'), '');
    const { error } = await download({ urls: ['http://127.0.0.1:1/x'], target: join(root, 'file/x.pth') });
    expect(error?.message).toBe(`Cannot make the folder ${join(root, 'file')}: a file is in the way`);
  });

  it('goes through a proxy, but not for hosts that NO_PROXY names', async () => {
    const { url } = await serve((request, response) => honest(request, response));
    const tunnels: string[] = [];
    const proxy = createServer((request, response) => {
      tunnels.push(request.url!);
      honest(request, response);
    });
    proxy.on('connect', (request, client) => {
      tunnels.push(request.url!);
      const { hostname, port } = new URL(`http://${request.url}`);
      const upstream = connect(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      for (const socket of [client, upstream]) socket.on('error', () => upstream.destroy());
    });
    servers.push(proxy);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const httpProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

    for (const [noProxy, uses] of [
      ['', 1],
      ['127.0.0.1', 0],
    ] as const) {
      const dispatcher = new EnvHttpProxyAgent({ httpProxy, noProxy });
      tunnels.length = 0;
      expect((await download({ urls: [url] }, { dispatcher })).value).toMatchObject({ bytes: file.length });
      expect(tunnels).toHaveLength(uses);
      await dispatcher.destroy();
    }
  });
});
