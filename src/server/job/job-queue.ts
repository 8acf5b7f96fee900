/**
 * Where jobs wait and who works on them: in this process, or over Redis on many machines. Pictures are not its concern;
 * they lie in a {@link PictureStore} under the job's id.
 */

import type { Job, JobOutcome, JobProgress, JobRequest } from './job.ts';

/** How often a job is begun before it counts as one that takes its worker down. */
export const mostAttempts = 3;

export interface WorkContext {
  /** aborted when the job is cancelled */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: JobProgress) => void;
}

/** @throws {JobError} if the job fails; anything else counts as `internal` */
export type WorkOn = (job: Job, context: WorkContext) => Promise<JobOutcome>;

/** What takes jobs out of a queue. */
export interface Worker {
  /**
   * Takes no more jobs, waits for those under way, and after `graceMs` puts them back, to be begun again.
   * @returns how many were put back
   */
  close(graceMs: number): Promise<number>;
}

export interface QueueCounts {
  readonly queued: number;
  readonly running: number;
}

export interface JobQueue {
  /** Once it resolves, the job is done sooner or later, whatever dies on the way. */
  add(request: JobRequest): Promise<void>;
  get(id: string): Promise<Job | undefined>;
  /**
   * Ends a job that is not finished: at once if it waits, as soon as its worker has stopped if it runs.
   * @returns whether there was such a job
   */
  cancel(id: string): Promise<boolean>;
  /** Forgets a finished or cancelled job. */
  remove(id: string): Promise<void>;
  /**
   * Calls `listener` whenever the job changes, until it is finished or the listener is withdrawn.
   * @returns withdraws it
   */
  watch(id: string, listener: (job: Job) => void): Promise<() => void>;
  counts(): Promise<QueueCounts>;
  /** How many of a client's jobs wait or run. */
  pendingOf(client: string): Promise<number>;
  /** Ids of jobs that ended before a time. */
  finishedBefore(time: Date): Promise<string[]>;
  /** @param concurrency jobs at a time */
  work(workOn: WorkOn, concurrency: number): Worker;
  /** Whether jobs can be added now. */
  isReady(): Promise<boolean>;
  close(): Promise<void>;
}

/** Why work is stopped that is to be begun again: the reason of its signal. */
export class PutBack extends Error {
  override readonly name = 'PutBack';
}

/** Whether work is over within a time. @throws what the work throws */
export async function isOverWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}
