/** The queue of one machine: a JSON file for each job, and the list of them in memory. */

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { isFinished, type Job, type JobRequest, problemOfError } from './job.ts';
import { isOverWithin, type JobQueue, mostAttempts, PutBack, type Worker, type WorkOn } from './job-queue.ts';

const ending = '.json';
const waiting = { fraction: 0, label: 'waiting' } as const;

/**
 * Opens the queue in a folder. Jobs that were running when the last process died wait again; one that has done so
 * {@link mostAttempts} times has failed.
 * @param folder of this queue alone; only one process may have it open
 */
export async function openFolderQueue(folder: string): Promise<JobQueue> {
  await mkdir(folder, { recursive: true });
  const queue = new FolderQueue(folder);
  await queue.restore();
  return queue;
}

class FolderQueue implements JobQueue {
  readonly #folder: string;
  /** by id, in the order they came */
  readonly #jobs = new Map<string, Job>();
  readonly #running = new Map<string, AbortController>();
  readonly #listeners = new Map<string, Set<(job: Job) => void>>();
  #lastWrite: Promise<void> = Promise.resolve();
  /** told that a job waits */
  #wake: () => void = () => {};

  constructor(folder: string) {
    this.#folder = folder;
  }

  async restore(): Promise<void> {
    const jobs: Job[] = [];
    for (const name of await readdir(this.#folder))
      if (name.endsWith(ending))
        jobs.push(JSON.parse(await readFile(path.join(this.#folder, name), 'utf8')) as Job);
    jobs.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
    for (const job of jobs) {
      this.#jobs.set(job.id, job);
      if (job.state === 'running') await this.#putBack(job);
    }
  }

  async add(request: JobRequest): Promise<void> {
    const job: Job = { ...request, state: 'queued', progress: waiting, attempts: 0 };
    await this.#write(job);
    await syncFolder(this.#folder);
    this.#jobs.set(job.id, job);
    this.#wake();
  }

  async get(id: string): Promise<Job | undefined> {
    return this.#jobs.get(id);
  }

  async cancel(id: string): Promise<boolean> {
    const job = this.#jobs.get(id);
    if (!job) return false;
    if (!isFinished(job)) await this.#finish(job, { state: 'cancelled' });
    this.#running.get(id)?.abort(new Error('the job was cancelled'));
    return true;
  }

  async remove(id: string): Promise<void> {
    await this.#lastWrite;
    await rm(this.#file(id), { force: true });
    this.#jobs.delete(id);
    this.#listeners.delete(id);
  }

  async watch(id: string, listener: (job: Job) => void): Promise<() => void> {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  async counts(): Promise<{ queued: number; running: number }> {
    const states = [...this.#jobs.values()].map(({ state }) => state);
    return {
      queued: states.filter((state) => state === 'queued').length,
      running: states.filter((state) => state === 'running').length,
    };
  }

  async pendingOf(client: string): Promise<number> {
    return [...this.#jobs.values()].filter((job) => job.client === client && !isFinished(job)).length;
  }

  async finishedBefore(time: Date): Promise<string[]> {
    const limit = time.toISOString();
    return [...this.#jobs.values()]
      .filter(({ finishedAt }) => finishedAt !== undefined && finishedAt < limit)
      .map(({ id }) => id);
  }

  work(workOn: WorkOn, concurrency: number): Worker {
    const underWay = new Set<Promise<void>>();
    let open = true;
    const takeMore = (): void => {
      while (open && underWay.size < concurrency) {
        const next = [...this.#jobs.values()].find(
          ({ id, state }) => state === 'queued' && !this.#running.has(id),
        );
        if (!next) return;
        const work = this.#run(next, workOn).finally(() => {
          underWay.delete(work);
          takeMore();
        });
        underWay.add(work);
      }
    };
    this.#wake = takeMore;
    takeMore();
    return {
      close: async (graceMs) => {
        open = false;
        const over = await isOverWithin(Promise.all(underWay), graceMs);
        if (over) return 0;
        const left = [...this.#running];
        for (const [, controller] of left) controller.abort(new PutBack());
        await Promise.all(underWay);
        return left.length;
      },
    };
  }

  async isReady(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {
    await this.#lastWrite;
    this.#listeners.clear();
  }

  async #run(queued: Job, workOn: WorkOn): Promise<void> {
    const controller = new AbortController();
    this.#running.set(queued.id, controller);
    const { signal } = controller;
    let job: Job = {
      ...queued,
      state: 'running',
      startedAt: new Date().toISOString(),
      attempts: queued.attempts + 1,
    };
    try {
      await this.#save(job);
      signal.throwIfAborted();
      const outcome = await workOn(job, {
        signal,
        onProgress: (progress) => {
          if (signal.aborted) return;
          job = { ...job, progress };
          this.#show(job);
        },
      });
      if (!this.#isCancelled(job)) await this.#finish(job, { state: 'done', outcome });
    } catch (error) {
      if (signal.reason instanceof PutBack) await this.#save({ ...queued, progress: waiting });
      else if (!this.#isCancelled(job))
        await this.#finish(job, { state: 'failed', problem: problemOfError(error) });
    } finally {
      this.#running.delete(queued.id);
    }
  }

  #isCancelled({ id }: Job): boolean {
    return this.#jobs.get(id)?.state !== 'running';
  }

  async #putBack(job: Job): Promise<void> {
    if (job.attempts < mostAttempts) return this.#save({ ...job, state: 'queued', progress: waiting });
    await this.#finish(job, {
      state: 'failed',
      problem: {
        code: 'worker-lost',
        detail: `the service stopped ${job.attempts} times while it worked on it`,
      },
    });
  }

  #finish(job: Job, end: Pick<Job, 'state' | 'outcome' | 'problem'>): Promise<void> {
    const progress = end.state === 'done' ? { fraction: 1, label: 'done' } : job.progress;
    return this.#save({ ...job, ...end, progress, finishedAt: new Date().toISOString() });
  }

  async #save(job: Job): Promise<void> {
    this.#show(job);
    await this.#write(job);
  }

  /** One after the other, so that a job's last state is what stays. */
  #write(job: Job): Promise<void> {
    const writing = this.#lastWrite.then(() => writeFileAtomically(this.#file(job.id), JSON.stringify(job)));
    this.#lastWrite = writing.catch(() => undefined);
    return writing;
  }

  #show(job: Job): void {
    this.#jobs.set(job.id, job);
    for (const listener of this.#listeners.get(job.id) ?? []) listener(job);
  }

  #file(id: string): string {
    return path.join(this.#folder, `${id}${ending}`);
  }
}
