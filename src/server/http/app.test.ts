import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openFolderPictureStore } from '../job/folder-picture-store.ts';
import { openFolderQueue } from '../job/folder-queue.ts';
import type { JobOutcome } from '../job/job.ts';
import { createMetrics } from '../metrics.ts';
import { defaultLimits } from '../service-settings.ts';
import { type AccessOptions, createAccess, createApiKey, parseApiKeys } from './access.ts';
import { createApp } from './app.ts';
import type { RestorationLimits } from './restorations.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

interface Given {
  readonly limits?: Partial<RestorationLimits>;
  readonly access?: Partial<AccessOptions>;
}

/** The service without anybody who works: jobs stay as they came until `finish` is called. */
async function service({ limits, access }: Given = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'interlcm-app-'));
  folders.push(folder);
  const queue = await openFolderQueue(path.join(folder, 'jobs'));
  const store = await openFolderPictureStore(path.join(folder, 'pictures'));
  const errors: Error[] = [];
  const app = createApp({
    queue,
    store,
    metrics: createMetrics(() => queue.counts()),
    access: createAccess({ keys: [], loopback: true, requestsPerMinute: 1000, ...access }),
    limits: { ...defaultLimits, ...limits },
    version: '1.2.3',
    needsKey: (access?.keys ?? []).length > 0,
    isReady: async () => true,
    addressOf: () => '203.0.113.7',
    onRequest: () => undefined,
    onError: (error) => errors.push(error),
  });
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    Promise.resolve(
      app.request(`http://localhost:8787${path}`, {
        ...init,
        headers: { host: 'localhost:8787', ...(init.headers as Record<string, string>) },
      }),
    );
  const post = (path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> =>
    ask(path, { method: 'POST', body, headers });
  const finish = async (outcome: JobOutcome): Promise<void> => {
    const worker = queue.work(async (job) => {
      await store.write(job.id, 'result', new Uint8Array([7, 7]));
      return outcome;
    }, 1);
    await expect.poll(() => queue.counts()).toEqual({ queued: 0, running: 0 });
    await worker.close(1000);
  };
  return { ask, post, finish, queue, store, folder, errors };
}

const photo = new Uint8Array([1, 2, 3]);
const problem = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as { type: string; detail: string }),
});

describe('a restoration', () => {
  it('is on disk before it is accepted, with its photo and its options', async () => {
    const { post, folder, queue, store } = await service();
    const response = await post('/v1/restorations?strength=0.5&faces=0,2&box=1,2,30,40', photo);
    expect(response.status).toBe(202);
    const job = (await response.json()) as { id: string; status: string; links: Record<string, string> };
    expect(response.headers.get('location')).toBe(`/v1/restorations/${job.id}`);
    expect(job).toMatchObject({ status: 'queued', links: { self: `/v1/restorations/${job.id}` } });
    expect(await readdir(path.join(folder, 'jobs'))).toEqual([`${job.id}.json`]);
    expect(await store.read(job.id, 'photo')).toEqual(Buffer.from(photo));
    expect((await queue.get(job.id))!.options).toEqual({
      strength: 0.5,
      faces: [0, 2],
      box: [{ x: 1, y: 2, width: 30, height: 40 }],
    });
  });

  it('takes a form too, with options as fields', async () => {
    const { post, queue, store } = await service();
    const form = new FormData();
    form.set('upscale', '2');
    form.set('photo', new File([photo], '../../etc/passwd'));
    const { id } = (await (await post('/v1/restorations', form)).json()) as { id: string };
    expect((await queue.get(id))!.options).toEqual({ upscale: 2 });
    expect(await store.read(id, 'photo')).toEqual(Buffer.from(photo));
  });

  it('is shown, fetched and deleted', async () => {
    const { post, ask, finish, store } = await service();
    const { id } = (await (await post('/v1/restorations', photo)).json()) as { id: string };
    const self = `/v1/restorations/${id}`;
    expect(await problem(await ask(`${self}/result`))).toMatchObject({
      status: 409,
      type: 'urn:interlcm:problem:not-finished',
    });
    await finish({
      width: 4,
      height: 3,
      faces: [],
      notes: ['left out: IPTC'],
      result: { mediaType: 'image/png', bytes: 2 },
      seconds: { find: 0.1 },
    });
    const job = (await (await ask(self)).json()) as Record<string, unknown>;
    expect(job).toMatchObject({
      status: 'done',
      width: 4,
      notes: ['left out: IPTC'],
      result: { href: `${self}/result`, mediaType: 'image/png', bytes: 2 },
    });
    expect(Date.parse(job['expiresAt'] as string) - Date.parse(job['finishedAt'] as string)).toBe(3_600_000);
    const result = await ask(`${self}/result`);
    expect(result.headers.get('content-type')).toBe('image/png');
    expect(new Uint8Array(await result.arrayBuffer())).toEqual(new Uint8Array([7, 7]));
    expect((await ask(self, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(self)).status).toBe(404);
    expect(await store.read(id, 'result')).toBeUndefined();
  });

  it('is followed by events until it is finished', async () => {
    const { post, ask, finish } = await service();
    const { id } = (await (await post('/v1/restorations', photo)).json()) as { id: string };
    const events = await ask(`/v1/restorations/${id}/events`);
    expect(events.headers.get('content-type')).toMatch('text/event-stream');
    const reading = events.text();
    await finish({ width: 4, height: 3, faces: null, notes: [], seconds: {} });
    const states = [...(await reading).matchAll(/"status":"(\w+)"/g)].map(([, state]) => state);
    expect(states[0]).toBe('queued');
    expect(states.at(-1)).toBe('done');
  });

  it('answers those who wait when it is done, and those who waited long enough before', async () => {
    const { post, finish } = await service();
    const early = await post('/v1/restorations', photo, { prefer: 'wait=0' });
    expect(early.status).toBe(202);
    const waiting = post('/v1/restorations', photo, { prefer: 'wait', accept: 'image/*' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const result = { mediaType: 'image/png', bytes: 2 };
    await finish({ width: 4, height: 3, faces: [], notes: [], result, seconds: {} });
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('image/png');
  });

  it('of a batch is one of several', async () => {
    const { post } = await service({ limits: { maxBatch: 2 } });
    const form = new FormData();
    form.append('photos', new File([photo], 'a.png'));
    form.append('photos', new File([photo], 'b.png'));
    const response = await post('/v1/batches', form);
    expect(response.status).toBe(202);
    const { restorations } = (await response.json()) as { restorations: { id: string }[] };
    expect(new Set(restorations.map(({ id }) => id)).size).toBe(2);
    form.append('photos', new File([photo], 'c.png'));
    expect(await problem(await post('/v1/batches', form))).toMatchObject({ status: 400 });
  });
});

describe('what is refused', () => {
  it.each([
    ['strength=2', 'strength must be from 0 to 1'],
    ['upscale=3', 'upscale'],
    ['faces=a', 'faces must be numbers of faces'],
    ['box=1,2,3', 'box must be x,y,width,height'],
    ['box=1,2,0,5', 'box is empty'],
    ['seed=1.5', 'seed must be a whole number'],
    ['aligned=true&upscale=2', 'upscale does not go with aligned'],
    ['strenght=1', 'strenght'],
  ])('%s', async (query, detail) => {
    const { post, queue } = await service();
    const answer = await problem(await post(`/v1/restorations?${query}`, photo));
    expect(answer).toMatchObject({ status: 400, type: 'urn:interlcm:problem:invalid-option' });
    expect(answer.detail).toContain(detail);
    expect(await queue.counts()).toEqual({ queued: 0, running: 0 });
  });

  it('requests without a photo, and photos that are too large, whatever they claim', async () => {
    const { post, folder } = await service({ limits: { maxBytes: 1000 } });
    expect(await problem(await post('/v1/restorations', new Uint8Array(0)))).toMatchObject({ status: 400 });
    expect(await problem(await post('/v1/restorations', new FormData()))).toMatchObject({ status: 400 });
    expect(await problem(await post('/v1/restorations', new Uint8Array(1001)))).toMatchObject({
      status: 413,
    });
    const form = new FormData();
    form.set('photo', new File([new Uint8Array(1001)], 'a'));
    expect(await problem(await post('/v1/restorations', form))).toMatchObject({ status: 413 });
    const cut = await post(
      '/v1/restorations',
      '--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nabc',
      {
        'content-type': 'multipart/form-data; boundary=x',
      },
    );
    expect(await problem(cut)).toMatchObject({ status: 400, type: 'urn:interlcm:problem:upload-incomplete' });
    expect(await readdir(path.join(folder, 'pictures'))).toEqual([]);
  });

  it('more photos than may wait, with a time to come again', async () => {
    const { post } = await service({ limits: { maxQueued: 2 } });
    for (let i = 0; i < 2; i++) expect((await post('/v1/restorations', photo)).status).toBe(202);
    const full = await post('/v1/restorations', photo);
    expect(full.headers.get('retry-after')).toBe('15');
    expect(await problem(full)).toMatchObject({ status: 429, type: 'urn:interlcm:problem:queue-full' });
    const mine = await service({ limits: { maxPending: 1 } });
    await mine.post('/v1/restorations', photo);
    expect(await problem(await mine.post('/v1/restorations', photo))).toMatchObject({
      status: 429,
      type: 'urn:interlcm:problem:too-many-jobs',
    });
  });

  it('pages of other sites, and names of theirs that lead here', async () => {
    const { post, ask } = await service();
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { host: 'evil.example:8787' },
    ];
    for (const headers of foreign)
      expect(await problem(await post('/v1/restorations', photo, headers))).toMatchObject({
        status: 403,
        type: 'urn:interlcm:problem:cross-site',
      });
    expect((await ask('/metrics', { headers: { origin: 'http://localhost:8787' } })).status).toBe(200);
  });

  it.each(['/v1/restorations/..%2f..%2fetc', `/v1/restorations/${'0'.repeat(32)}`, '/v1/nothing', '/%00'])(
    '%s, which is not there',
    async (path) => {
      const { ask } = await service();
      expect((await ask(path)).status).toBe(404);
    },
  );
});

describe('keys', () => {
  const ada = createApiKey('ada');
  const bob = createApiKey('bob');
  const keys = parseApiKeys(`# clients\n${ada.line}\n\n${bob.line}\n`);
  const by = ({ key }: { key: string }): Record<string, string> => ({ authorization: `Bearer ${key}` });

  it('let in who has one, and nobody else', async () => {
    const { ask } = await service({ access: { keys, loopback: false } });
    expect((await ask('/metrics', { headers: by(ada) })).status).toBe(200);
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Basic ${ada.key}` }]) {
      const refused = await ask('/metrics', { headers: headers as Record<string, string> });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    }
    for (const open of ['/healthz', '/readyz', '/openapi.json', '/docs'])
      expect((await ask(open)).status).toBe(200);
  });

  it('show everybody their own photos only', async () => {
    const { ask, post } = await service({ access: { keys, loopback: false } });
    const { id } = (await (await post('/v1/restorations', photo, by(ada))).json()) as { id: string };
    for (const [client, status] of [
      [ada, 200],
      [bob, 404],
    ] as const)
      expect((await ask(`/v1/restorations/${id}`, { headers: by(client) })).status).toBe(status);
    expect((await ask(`/v1/restorations/${id}`, { method: 'DELETE', headers: by(bob) })).status).toBe(404);
  });

  it('are kept as hashes', () => {
    expect(ada.line).not.toContain(ada.key);
    expect(() => parseApiKeys('ada:1234')).toThrow('line 1 is not client:sha256');
  });

  it('may ask so often a minute', async () => {
    const { ask } = await service({ access: { keys, loopback: false, requestsPerMinute: 2 } });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask('/metrics', { headers: by(ada) })).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await ask('/metrics', { headers: by(bob) })).status).toBe(200);
    expect((await ask('/metrics', { headers: by(ada) })).headers.get('retry-after')).toMatch(/^\d+$/);
  });
});

describe('what it tells of itself', () => {
  it('is OpenAPI 3.1 by the schemas that requests are checked with', async () => {
    const { ask } = await service();
    const api = (await (await ask('/openapi.json')).json()) as {
      openapi: string;
      info: { version: string };
      paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
    };
    expect(api.openapi).toBe('3.1.0');
    expect(api.info.version).toBe('1.2.3');
    expect(Object.keys(api.paths).sort()).toEqual([
      '/v1/batches',
      '/v1/faces',
      '/v1/restorations',
      '/v1/restorations/{id}',
      '/v1/restorations/{id}/events',
      '/v1/restorations/{id}/result',
    ]);
    const asked = api.paths['/v1/restorations']!['post']!.parameters!;
    expect(asked.filter((one) => one.in === 'query').map(({ name }) => name)).toContain('strength');
  });

  it('is metrics that Prometheus reads', async () => {
    const { ask, post } = await service();
    await post('/v1/restorations', photo);
    const text = await (await ask('/metrics')).text();
    expect(text).toContain('interlcm_jobs{state="queued"} 1');
    expect(text).toContain(
      'interlcm_http_request_seconds_count{method="POST",route="/v1/restorations",status="202"} 1',
    );
  });

  it('names no path of the machine when something goes wrong', async () => {
    const { post, folder, errors } = await service();
    await rm(path.join(folder, 'pictures'), { recursive: true });
    await rm(path.join(folder, 'jobs'), { recursive: true });
    await writeFile(path.join(folder, 'pictures'), '');
    const answer = await post('/v1/restorations', photo);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain(folder);
    expect(errors[0]!.message).toContain(folder);
  });
});
