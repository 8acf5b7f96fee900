/** Deletes jobs and pictures whose time is over. */

import type { JobQueue } from './job/job-queue.ts';
import type { PictureStore } from './job/picture-store.ts';

/** Pictures of no job are what a request left that died between the photo and the job; none takes so long. */
const orphanMs = 3_600_000;

/** @param timeToLiveMs of finished jobs */
export async function sweep(
  queue: JobQueue,
  store: PictureStore,
  timeToLiveMs: number,
  now = Date.now(),
): Promise<void> {
  for (const id of await queue.finishedBefore(new Date(now - timeToLiveMs))) {
    await store.remove(id);
    await queue.remove(id);
  }
  for (const id of await store.jobsBefore(new Date(now - orphanMs)))
    if (!(await queue.get(id))) await store.remove(id);
}

/** Sweeps again and again, until it is stopped. @returns stops it */
export function startSweeping(
  queue: JobQueue,
  store: PictureStore,
  timeToLiveMs: number,
  onError: (error: Error) => void,
): () => void {
  const every = Math.min(60_000, Math.max(1000, timeToLiveMs / 10));
  const timer = setInterval(() => void sweep(queue, store, timeToLiveMs).catch(onError), every);
  return () => clearInterval(timer);
}
