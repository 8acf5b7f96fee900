/** The queue of many machines: BullMQ's, on Redis. Jobs of a worker that dies go to another one. */

import type { Job as BullJob, Queue } from 'bullmq';
import {
  isFinished,
  type Job,
  type JobOutcome,
  type JobProblem,
  type JobProgress,
  type JobRequest,
  problemOfError,
} from './job.ts';
import {
  isOverWithin,
  type JobQueue,
  mostAttempts,
  PutBack,
  type WorkContext,
  type Worker,
  type WorkOn,
} from './job-queue.ts';

interface RedisQueueOptions {
  /** e.g. `redis://:password@host:6379/0` */
  readonly url: string;
  /** of the queue, so that several services can share a Redis; `interlcm` unless given */
  readonly name?: string;
  /** A worker that has not been heard of for so long has died; 15 s unless given. */
  readonly lostAfterMs?: number;
}

/** What BullMQ keeps of a job. */
interface Kept {
  readonly request: JobRequest;
  readonly cancelledAt?: string;
}

/** Failures are results to BullMQ: what it calls a failure is a worker that was lost too often. */
type End = { readonly outcome: JobOutcome } | { readonly problem: JobProblem } | { readonly cancelled: true };

type Kind = BullJob<Kept, End, string>;

/** How often a worker asks whether its job was cancelled. */
const cancelPollMs = 500;

/**
 * Connects to Redis, through the packages `bullmq` and `ioredis`, which come only for this.
 * @throws {Error} if they are not installed, or Redis does not answer
 */
export async function openRedisQueue(options: RedisQueueOptions): Promise<JobQueue> {
  const bullmq = await import('bullmq').catch((cause: unknown) => {
    throw new Error('A queue on Redis needs two more packages: npm install bullmq@6 ioredis@6', { cause });
  });
  const { Redis } = await import('ioredis');
  const { url, name = 'interlcm', lostAfterMs = 15_000 } = options;
  const connect = () => {
    const connection = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: true });
    // Every command that cannot be sent fails with its own error.
    connection.on('error', () => undefined);
    return connection;
  };
  const first = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  first.on('error', () => undefined);
  try {
    await first.connect();
  } catch (cause) {
    throw new Error(`Cannot reach Redis at ${hostOf(url)}: ${(cause as Error).message}`, { cause });
  } finally {
    first.disconnect();
  }
  const connection = connect();
  const queue: Queue<Kept, End, string> = new bullmq.Queue(name, {
    connection,
    defaultJobOptions: { attempts: 1, removeOnComplete: false, removeOnFail: false },
  });
  queue.on('error', () => undefined);
  const events = new bullmq.QueueEvents(name, { connection: connect() });
  events.on('error', () => undefined);
  await events.waitUntilReady();
  events.setMaxListeners(0);
  const find = async (id: string): Promise<Kind | undefined> => (await queue.getJob(id)) as Kind | undefined;
  const get = async (id: string): Promise<Job | undefined> => {
    const job = await find(id);
    return job && describe(job, await job.getState());
  };

  return {
    async add(request) {
      await queue.add(request.kind, { request }, { jobId: request.id });
    },
    get,
    async cancel(id) {
      const job = await find(id);
      if (!job) return false;
      const { state } = describe(job, await job.getState());
      if (!isFinished({ state }))
        await job.updateData({ ...job.data, cancelledAt: new Date().toISOString() });
      return true;
    },
    async remove(id) {
      const job = await find(id);
      // One that is being worked on is locked; it ends soon, and is swept away later.
      await job?.remove().catch(() => undefined);
    },
    async watch(id, listener) {
      const changed = async ({ jobId }: { jobId: string }): Promise<void> => {
        const job = jobId === id ? await get(id).catch(() => undefined) : undefined;
        if (job) listener(job);
      };
      const names = ['active', 'progress', 'completed', 'failed', 'waiting'] as const;
      for (const event of names) events.on(event, changed);
      return () => {
        for (const event of names) events.off(event, changed);
      };
    },
    async counts() {
      const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = await queue.getJobCounts();
      return { queued: waiting + prioritized + delayed, running: active };
    },
    async pendingOf(client) {
      const jobs = await queue.getJobs(['waiting', 'active', 'delayed', 'prioritized']);
      return jobs.filter((job) => job?.data.request.client === client && job.data.cancelledAt === undefined)
        .length;
    },
    async finishedBefore(time) {
      const jobs = await queue.getJobs(['completed', 'failed']);
      return jobs.flatMap((job) => (job?.finishedOn && job.finishedOn < time.getTime() ? [job.id!] : []));
    },
    work(workOn, concurrency) {
      const underWay = new Set<AbortController>();
      const worker = new bullmq.Worker<Kept, End, string>(
        name,
        async (job, token) => {
          const end = await run(job as Kind, workOn, underWay, find);
          if (end !== 'put back') return end;
          await job.moveToWait(token);
          throw new bullmq.WaitingError();
        },
        {
          connection: connect(),
          concurrency,
          lockDuration: lostAfterMs,
          // Looked for more often, so that the wait is not twice as long.
          stalledInterval: Math.ceil(lostAfterMs / 3),
          maxStalledCount: mostAttempts - 1,
        },
      );
      worker.on('error', () => undefined);
      return { close: (graceMs) => closeWorker(worker, underWay, graceMs) } satisfies Worker;
    },
    async isReady() {
      return connection.status === 'ready';
    },
    async close() {
      await events.close();
      await queue.close();
      connection.disconnect();
    },
  };
}

async function run(
  job: Kind,
  workOn: WorkOn,
  underWay: Set<AbortController>,
  find: (id: string) => Promise<Kind | undefined>,
): Promise<End | 'put back'> {
  if (job.data.cancelledAt !== undefined) return { cancelled: true };
  const controller = new AbortController();
  underWay.add(controller);
  const poll = setInterval(async () => {
    const now = await find(job.id!).catch(() => undefined);
    if (now?.data.cancelledAt !== undefined) controller.abort(new Error('the job was cancelled'));
  }, cancelPollMs);
  /** One after the other, and the last one wins. */
  let telling: Promise<unknown> = Promise.resolve();
  let latest: JobProgress | undefined;
  const onProgress: WorkContext['onProgress'] = (progress) => {
    latest = progress;
    telling = telling
      .then(() => {
        if (!latest) return undefined;
        const told = job.updateProgress({ ...latest });
        latest = undefined;
        return told;
      })
      .catch(() => undefined);
  };
  try {
    const outcome = await workOn(describe(job, 'active'), { signal: controller.signal, onProgress });
    return controller.signal.aborted ? { cancelled: true } : { outcome };
  } catch (error) {
    if (controller.signal.reason instanceof PutBack) return 'put back';
    if (controller.signal.aborted) return { cancelled: true };
    return { problem: problemOfError(error) };
  } finally {
    clearInterval(poll);
    underWay.delete(controller);
    await telling;
  }
}

async function closeWorker(
  worker: { close(): Promise<void> },
  underWay: ReadonlySet<AbortController>,
  graceMs: number,
): Promise<number> {
  const closing = worker.close();
  if (await isOverWithin(closing, graceMs)) return 0;
  const left = [...underWay];
  for (const controller of left) controller.abort(new PutBack());
  await closing;
  return left.length;
}

function describe(job: Kind, state: string): Job {
  const { request, cancelledAt } = job.data;
  const end = job.returnvalue as End | null | undefined;
  const progress = job.progress as JobProgress | number;
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(ms).toISOString();
  const common = {
    ...request,
    attempts: Math.max(job.attemptsStarted, state === 'active' ? 1 : 0),
    progress: typeof progress === 'object' ? progress : { fraction: 0, label: 'waiting' },
    startedAt: time(job.processedOn),
    finishedAt: cancelledAt ?? time(job.finishedOn),
  };
  if (cancelledAt !== undefined || (end && 'cancelled' in end)) return { ...common, state: 'cancelled' };
  if (state === 'completed' && end && 'problem' in end)
    return { ...common, state: 'failed', problem: end.problem };
  if (state === 'completed' && end && 'outcome' in end)
    return { ...common, state: 'done', outcome: end.outcome, progress: { fraction: 1, label: 'done' } };
  if (state === 'failed')
    return {
      ...common,
      state: 'failed',
      problem: { code: 'worker-lost', detail: 'every worker that began it was lost' },
    };
  return { ...common, state: state === 'active' ? 'running' : 'queued' };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'that address';
}
