/** Takes jobs out of a queue, has them done by processes of their own, and puts their results where they belong. */

import { JobError } from '../job/job.ts';
import type { JobQueue, Worker } from '../job/job-queue.ts';
import type { PictureStore } from '../job/picture-store.ts';
import type { ServiceMetrics } from '../metrics.ts';
import type { WorkSettings } from './messages.ts';
import { startWorkProcess, type WorkProcess } from './work-process.ts';

interface PhotoWorkerOptions {
  readonly queue: JobQueue;
  readonly store: PictureStore;
  readonly settings: WorkSettings;
  /** jobs at a time, each in a process of its own */
  readonly processes: number;
  readonly timeoutMs: number;
  readonly metrics: ServiceMetrics;
  readonly onLog: (text: string) => void;
}

interface PhotoWorker {
  /** resolves once every process has loaded its networks; rejects if one cannot */
  readonly ready: Promise<void>;
  /** As {@link Worker.close}; then ends the processes. */
  close(graceMs: number): Promise<number>;
  /** Ends the processes, whatever they do. */
  kill(): void;
}

/** Starts the processes at once; as many jobs are taken at a time as there are processes. */
export function startPhotoWorker({
  queue,
  store,
  settings,
  processes,
  timeoutMs,
  metrics,
  onLog,
}: PhotoWorkerOptions): PhotoWorker {
  const all = Array.from({ length: processes }, () => startWorkProcess(settings, onLog));
  const idle: WorkProcess[] = [...all];
  const worker: Worker = queue.work(async (job, { signal, onProgress }) => {
    const photo = await store.read(job.id, 'photo');
    if (!photo) throw new JobError({ code: 'internal', detail: 'its photo is not there any more' });
    const free = idle.pop()!;
    try {
      const { outcome, result } = await free.run(
        { id: job.id, kind: job.kind, options: job.options, photo },
        { signal, timeoutMs, onProgress },
      );
      if (result) await store.write(job.id, 'result', result);
      metrics.done(job.kind, outcome);
      return outcome;
    } catch (error) {
      if (!(error instanceof JobError || signal.aborted))
        onLog(error instanceof Error ? (error.stack ?? error.message) : String(error));
      metrics.failed(
        job.kind,
        error instanceof JobError ? error.problem.code : signal.aborted ? 'cancelled' : 'internal',
      );
      throw error;
    } finally {
      idle.push(free);
    }
  }, processes);
  const kill = (): void => {
    for (const process of all) process.end();
  };
  return {
    kill,
    ready: Promise.all(all.map(({ ready }) => ready)).then(() => undefined),
    async close(graceMs) {
      const putBack = await worker.close(graceMs);
      kill();
      return putBack;
    },
  };
}
