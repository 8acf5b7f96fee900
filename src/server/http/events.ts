/** A job's changes as server-sent events. */

import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { isFinished, type Job } from '../job/job.ts';
import type { JobQueue } from '../job/job-queue.ts';
import type { JobView } from './job-view.ts';

/** Proxies close connections that say nothing; and a change that no event told of is seen at last. */
const heartbeatMs = 5_000;

/** Sends the job as it is, then at every change, until it is finished: events named `restoration`. */
export function streamJob(
  context: Context,
  queue: JobQueue,
  job: Job,
  view: (job: Job) => JobView,
): Response {
  return streamSSE(context, async (stream) => {
    let sent = '';
    let wake: () => void = () => undefined;
    let latest = job;
    const stop = await queue.watch(job.id, (changed) => {
      latest = changed;
      wake();
    });
    stream.onAbort(() => wake());
    try {
      while (!stream.aborted) {
        const data = JSON.stringify(view(latest));
        if (data !== sent) await stream.writeSSE({ event: 'restoration', data });
        else await stream.write(': still here\n\n');
        sent = data;
        if (isFinished(latest)) return;
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, heartbeatMs);
        });
        clearTimeout(timer);
        const now = await queue.get(job.id);
        if (!now) return;
        latest = now;
      }
    } finally {
      stop();
    }
  });
}

/**
 * The job once it is finished, or as it is after `ms`.
 * @param signal of the one who waits
 */
export async function waitForJob(
  queue: JobQueue,
  id: string,
  ms: number,
  signal: AbortSignal,
): Promise<Job | undefined> {
  const until = Date.now() + ms;
  let wake: () => void = () => undefined;
  const stop = await queue.watch(id, () => wake());
  const abort = (): void => wake();
  signal.addEventListener('abort', abort);
  try {
    for (;;) {
      const job = await queue.get(id);
      const left = until - Date.now();
      if (!job || isFinished(job) || left <= 0 || signal.aborted) return job;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, Math.min(left, heartbeatMs));
      });
      clearTimeout(timer);
    }
  } finally {
    signal.removeEventListener('abort', abort);
    stop();
  }
}
