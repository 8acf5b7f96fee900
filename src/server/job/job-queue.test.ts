/** What every queue promises, held by each of them. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openFolderQueue } from './folder-queue.ts';
import { type Job, JobError, type JobOutcome, type JobRequest } from './job.ts';
import type { JobQueue, Worker, WorkOn } from './job-queue.ts';
import { openRedisQueue } from './redis-queue.ts';
import { hasRedis, type RedisServer, startRedis } from './redis-server.test-support.ts';

const outcome: JobOutcome = { width: 3, height: 2, faces: [], notes: ['n'], seconds: { find: 0.5 } };
let count = 0;
const request = (client = 'ada'): JobRequest => ({
  id: (++count).toString(16).padStart(32, '0'),
  kind: 'restoration',
  client,
  options: { strength: 0.5, faces: [0, 2] },
  createdAt: new Date(1_700_000_000_000 + count).toISOString(),
});

/** Opens the same queue again and again: another process, as far as it can tell. */
interface Place {
  open(): Promise<JobQueue>;
  clear(): Promise<void>;
}

async function folderPlace(): Promise<Place> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interlcm-queue-'));
  return {
    open: () => openFolderQueue(folder),
    clear: () => rm(folder, { recursive: true, force: true }),
  };
}

let redis: RedisServer | undefined;
let queues = 0;
async function redisPlace(): Promise<Place> {
  const name = `test-${++queues}`;
  return {
    open: () => openRedisQueue({ url: redis!.url, name, lostAfterMs: 1000 }),
    clear: async () => undefined,
  };
}

beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.each([
  { name: 'in a folder', place: folderPlace, isShared: false, skip: false },
  { name: 'on Redis', place: redisPlace, isShared: true, skip: !hasRedis },
])('a queue $name', ({ place, isShared, skip }) => {
  let here: Place;
  const opened: JobQueue[] = [];
  const workers: Worker[] = [];
  const open = async (): Promise<JobQueue> => {
    const queue = await here.open();
    opened.push(queue);
    return queue;
  };
  const work = (queue: JobQueue, workOn: WorkOn, concurrency = 1): Worker => {
    const worker = queue.work(workOn, concurrency);
    workers.push(worker);
    return worker;
  };
  const until = async (queue: JobQueue, id: string, isSo: (job: Job) => boolean): Promise<Job> => {
    for (let tries = 0; tries < 600; tries++) {
      const job = await queue.get(id);
      if (job && isSo(job)) return job;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`job ${id} is still ${JSON.stringify(await queue.get(id))}`);
  };
  const fresh = async (): Promise<JobQueue> => {
    here = await place();
    return open();
  };

  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.close(0);
    for (const queue of opened.splice(0)) await queue.close();
    await here?.clear();
  });

  it.skipIf(skip)('keeps what was asked, and does it', async () => {
    const queue = await fresh();
    const asked = request();
    await queue.add(asked);
    expect(await queue.get(asked.id)).toMatchObject({ ...asked, state: 'queued', attempts: 0 });
    const seen: Job[] = [];
    work(queue, async (job) => {
      seen.push(job);
      return outcome;
    });
    const job = await until(queue, asked.id, ({ state }) => state === 'done');
    expect(job).toMatchObject({ ...asked, outcome, attempts: 1, progress: { fraction: 1 } });
    expect(Date.parse(job.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(job.startedAt!));
    expect(seen.map(({ id, options }) => [id, options])).toEqual([[asked.id, asked.options]]);
  });

  it.skipIf(skip)('knows nothing of other jobs', async () => {
    const queue = await fresh();
    expect(await queue.get('f'.repeat(32))).toBeUndefined();
    expect(await queue.cancel('f'.repeat(32))).toBe(false);
    expect(await queue.isReady()).toBe(true);
  });

  it.skipIf(skip)('does them in the order they came, as many at a time as it may', async () => {
    const queue = await fresh();
    const asked = Array.from({ length: 5 }, () => request());
    for (const each of asked) await queue.add(each);
    const begun: string[] = [];
    let running = 0;
    let most = 0;
    work(
      queue,
      async ({ id }) => {
        begun.push(id);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 60));
        running--;
        return outcome;
      },
      2,
    );
    for (const { id } of asked) await until(queue, id, ({ state }) => state === 'done');
    expect(begun).toEqual(asked.map(({ id }) => id));
    expect(most).toBe(2);
  });

  it.skipIf(skip)('tells why a job failed, and goes on with the next', async () => {
    const queue = await fresh();
    const [bad, worse, good] = [request(), request(), request()];
    for (const each of [bad, worse, good]) await queue.add(each);
    work(queue, async ({ id }) => {
      if (id === bad.id) throw new JobError({ code: 'unreadable-picture', detail: 'it is empty' });
      if (id === worse.id) throw new Error('/home/secret/path');
      return outcome;
    });
    const failed = await until(queue, bad.id, ({ state }) => state === 'failed');
    expect(failed.problem).toEqual({ code: 'unreadable-picture', detail: 'it is empty' });
    const internal = await until(queue, worse.id, ({ state }) => state === 'failed');
    expect(internal.problem).toMatchObject({ code: 'internal' });
    expect(JSON.stringify(internal)).not.toContain('secret');
    await until(queue, good.id, ({ state }) => state === 'done');
  });

  it.skipIf(skip)('counts what waits and runs, of everybody and of one client', async () => {
    const queue = await fresh();
    for (const client of ['ada', 'ada', 'bob']) await queue.add(request(client));
    expect(await queue.counts()).toEqual({ queued: 3, running: 0 });
    expect(await queue.pendingOf('ada')).toBe(2);
    let finish: (() => void) | undefined;
    work(
      queue,
      (_, { signal }) =>
        new Promise((resolve, reject) => {
          finish = () => resolve(outcome);
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    await expect.poll(() => queue.counts()).toEqual({ queued: 2, running: 1 });
    expect(await queue.pendingOf('ada')).toBe(2);
    await expect.poll(() => finish).toBeDefined();
    finish!();
    await expect.poll(() => queue.counts()).toEqual({ queued: 1, running: 1 });
    expect(await queue.pendingOf('ada')).toBe(1);
  });

  it.skipIf(skip)('tells of progress while somebody watches', async () => {
    const queue = await fresh();
    const asked = request();
    await queue.add(asked);
    const seen: string[] = [];
    const stop = await queue.watch(asked.id, ({ state, progress }) =>
      seen.push(`${state} ${progress.fraction}`),
    );
    work(queue, async (_, { onProgress }) => {
      for (const fraction of [0.25, 0.5]) {
        onProgress({ fraction, label: 'step' });
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      return outcome;
    });
    await expect.poll(() => seen).toContain('running 0.5');
    await expect.poll(() => seen).toContain('done 1');
    expect(seen.indexOf('running 0.25')).toBeLessThan(seen.indexOf('running 0.5'));
    stop();
  });

  it.skipIf(skip)('cancels a job that waits: nobody begins it', async () => {
    const queue = await fresh();
    const [waits, next] = [request(), request()];
    await queue.add(waits);
    await queue.add(next);
    expect(await queue.cancel(waits.id)).toBe(true);
    expect((await queue.get(waits.id))!.state).toBe('cancelled');
    const begun: string[] = [];
    work(queue, async ({ id }) => {
      begun.push(id);
      return outcome;
    });
    await until(queue, next.id, ({ state }) => state === 'done');
    expect(begun).toEqual([next.id]);
    expect((await queue.get(waits.id))!.state).toBe('cancelled');
  });

  it.skipIf(skip)('cancels a job that runs: its worker is told, and what it gives is not taken', async () => {
    const queue = await fresh();
    const asked = request();
    await queue.add(asked);
    let told = false;
    work(
      queue,
      (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            told = true;
            resolve(outcome);
          });
        }),
    );
    await until(queue, asked.id, ({ state }) => state === 'running');
    await queue.cancel(asked.id);
    await expect.poll(() => told, { timeout: 5000 }).toBe(true);
    expect(await until(queue, asked.id, ({ state }) => state === 'cancelled')).not.toHaveProperty('outcome');
  });

  it.skipIf(skip)('lists what ended before a time, and forgets it when told', async () => {
    const queue = await fresh();
    const asked = request();
    await queue.add(asked);
    work(queue, async () => outcome);
    await until(queue, asked.id, ({ state }) => state === 'done');
    expect(await queue.finishedBefore(new Date(Date.now() - 60_000))).toEqual([]);
    expect(await queue.finishedBefore(new Date(Date.now() + 60_000))).toEqual([asked.id]);
    await queue.remove(asked.id);
    expect(await queue.get(asked.id)).toBeUndefined();
    expect(await queue.finishedBefore(new Date(Date.now() + 60_000))).toEqual([]);
  });

  it.skipIf(skip)('waits for what is under way when it stops, and puts back what takes longer', async () => {
    const queue = await fresh();
    const [quick, slow] = [request(), request()];
    await queue.add(quick);
    await queue.add(slow);
    const worker = queue.work(async ({ id }, { signal }) => {
      if (id === slow.id)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      return outcome;
    }, 2);
    await until(queue, slow.id, ({ state }) => state === 'running');
    expect(await worker.close(400)).toBe(1);
    expect((await queue.get(quick.id))!.state).toBe('done');
    work(await open(), async () => outcome);
    const again = opened.at(-1)!;
    expect(await until(again, slow.id, ({ state }) => state === 'done')).toMatchObject({ outcome });
  });

  it.skipIf(skip || isShared)(
    'begins again what a dead process has left, until that is too often',
    async () => {
      const queue = await fresh();
      const asked = request();
      await queue.add(asked);
      for (let attempt = 1; attempt <= 3; attempt++) {
        const dying = await here.open();
        let hasBegun = false;
        dying.work(() => {
          hasBegun = true;
          return new Promise(() => undefined);
        }, 1);
        await expect.poll(() => hasBegun).toBe(true);
        expect(await dying.get(asked.id)).toMatchObject({ state: 'running', attempts: attempt });
        // As kill -9 leaves it: nothing is closed.
      }
      const job = await (await open()).get(asked.id);
      expect(job).toMatchObject({ state: 'failed', problem: { code: 'worker-lost' } });
    },
  );
});

it('keeps nothing half-written in the folder of a queue', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'interlcm-queue-'));
  const queue = await openFolderQueue(folder);
  const asked = Array.from({ length: 20 }, () => request());
  await Promise.all(asked.map((each) => queue.add(each)));
  await queue.close();
  expect((await readdir(folder)).sort()).toEqual(asked.map(({ id }) => `${id}.json`).sort());
  await rm(folder, { recursive: true });
});

it.skipIf(hasRedis)('SKIPPED: the queue on Redis needs redis-server', () => undefined);

it('says that Redis does not answer, and no password', async () => {
  await expect(openRedisQueue({ url: 'redis://:hunter2@127.0.0.1:1/0' })).rejects.toThrow(
    /Cannot reach Redis at 127\.0\.0\.1:1: (?!.*hunter2)/,
  );
});
