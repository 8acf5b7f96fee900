import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { blobCheckpointStore } from '../restore/blob-checkpoint-store.ts';
import { checkpointStoreContract, contractFiles } from '../restore/checkpoint-store.contract.test-support.ts';
import { openCheckpointFolder } from './node/model/checkpoint-store.ts';
import { webCheckpointStore } from './web/checkpoint-store.ts';

const files = await contractFiles();

describe('a folder on disk', () => {
  let folder: string;
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'store-'));
    for (const [name, bytes] of files) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), bytes);
    }
  });
  afterAll(async () => {
    for (const store of opened) await store.close();
    await rm(folder, { recursive: true });
  });

  checkpointStoreContract(async () => {
    const store = await openCheckpointFolder(folder);
    opened.push(store);
    return store;
  });
});

describe('blobs', () => {
  checkpointStoreContract(async () =>
    blobCheckpointStore('chosen files', async (name) => {
      const bytes = files.get(name);
      return bytes && new Blob([bytes]);
    }),
  );
});

describe('a folder on a server', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const bytes = files.get(decodeURIComponent(request.url!).replace('/model/', ''));
      response.writeHead(bytes ? 200 : 404, { 'content-length': bytes?.length ?? 0 });
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model`;
    vi.stubGlobal('self', { location: { href: url } });
  });
  afterAll(() => {
    vi.unstubAllGlobals();
    server.close();
  });

  checkpointStoreContract(async () => webCheckpointStore(url));
});
