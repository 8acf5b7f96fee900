import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CheckpointError } from '../../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors-writer.ts';
import { readTensor } from '../../checkpoint/tensor-file.ts';
import { type DownloadProgress, webCheckpointStore } from './checkpoint-store.ts';

describe('webCheckpointStore', () => {
  let server: Server;
  let base: string;
  let weights: Uint8Array;
  const asked: string[] = [];

  beforeAll(async () => {
    const data = Float32Array.of(1, 2, 3);
    const chunks: Uint8Array[] = [];
    for await (const chunk of encodeSafetensors([{ name: 'w', dtype: 'float32', shape: [3], data }]))
      chunks.push(chunk);
    weights = Buffer.concat(chunks);
    const files: Record<string, { type: string; body: Uint8Array | string; status?: number }> = {
      '/model/lcm/config.json': { type: 'application/json', body: '{"a":1}' },
      '/model/bad.json': { type: 'application/json', body: '{' },
      '/model/w.safetensors': { type: 'application/octet-stream', body: weights },
      '/model/fallback.json': { type: 'text/html; charset=utf-8', body: '<!doctype html>' },
      '/model/broken.json': { type: 'text/plain', body: 'no', status: 500 },
    };
    server = createServer((request, response) => {
      asked.push(request.url!);
      const file = files[request.url!];
      response.writeHead(file ? (file.status ?? 200) : 404, {
        'content-type': file?.type ?? 'text/plain',
        'content-length': file ? Buffer.byteLength(file.body) : 0,
      });
      response.end(file?.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model`;
    vi.stubGlobal('self', { location: { href: base } });
  });
  afterEach(() => {
    asked.length = 0;
  });
  afterAll(() => {
    vi.unstubAllGlobals();
    server.close();
  });

  it('reads JSON and tensors below the base address, with or without a closing slash', async () => {
    for (const url of [base, `${base}/`, '/model']) {
      const store = webCheckpointStore(url);
      expect(await store.readJson('lcm/config.json')).toEqual({ a: 1 });
      const opened = await store.openTensors('w.safetensors');
      expect(opened!.location).toBe('w.safetensors');
      expect([...(await readTensor(opened!.file, 'w')).data]).toEqual([1, 2, 3]);
    }
  });

  it('downloads a file once and tells how far it is', async () => {
    const seen: DownloadProgress[] = [];
    const store = webCheckpointStore(base, { onProgress: (progress) => seen.push(progress) });
    await store.openTensors('w.safetensors');
    expect(Buffer.compare(await store.loadWeights('w.safetensors'), weights)).toBe(0);
    expect(asked).toEqual(['/model/w.safetensors']);
    expect(seen.at(-1)).toEqual({
      path: 'w.safetensors',
      loadedBytes: weights.length,
      totalBytes: weights.length,
    });
  });

  it('takes a missing file and a fallback page for no file', async () => {
    const store = webCheckpointStore(base);
    expect(await store.readJson('none.json')).toBeUndefined();
    expect(await store.readJson('fallback.json')).toBeUndefined();
    expect(await store.openTensors('none.safetensors')).toBeUndefined();
  });

  it('says which file cannot be used and why', async () => {
    const store = webCheckpointStore(base);
    await expect(store.readJson('bad.json')).rejects.toThrow(
      /^Cannot read .*\/model\/bad\.json: it is not JSON/,
    );
    await expect(store.readJson('broken.json')).rejects.toThrow(/broken\.json: the server answered 500/);
    await expect(store.loadWeights('none')).rejects.toThrow(CheckpointError);
    expect(() => webCheckpointStore('http://')).toThrow(
      /^Cannot open a checkpoint at "http:\/\/": it is not a URL/,
    );
    const nowhere = webCheckpointStore('http://127.0.0.1:1/');
    await expect(nowhere.readJson('a.json')).rejects.toThrow(/a\.json: the server cannot be reached/);
  });

  it('tries a failed download again', async () => {
    const store = webCheckpointStore(base);
    await expect(store.readJson('broken.json')).rejects.toThrow();
    await expect(store.readJson('broken.json')).rejects.toThrow();
    expect(asked).toEqual(['/model/broken.json', '/model/broken.json']);
  });

  it('stops with the reason of its signal', async () => {
    const reason = new Error('enough');
    const store = webCheckpointStore(base, { signal: AbortSignal.abort(reason) });
    await expect(store.readJson('lcm/config.json')).rejects.toBe(reason);
  });
});
