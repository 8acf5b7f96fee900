/** Trainers in threads beside this one, each with a share of every batch. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Communicator } from '../../../train/communicator.ts';
import type { RunSettings } from './run-settings.ts';
import { failSums, type SharedSums, shareSums, threadCommunicator } from './thread-communicator.ts';

/** Beside this file and of its kind: .js when built; .ts where Node itself runs that. */
const workerUrl = new URL(`./rank-worker${extname(import.meta.url)}`, import.meta.url);

export interface RankWorkerData {
  readonly folder: string;
  readonly settings: RunSettings;
  readonly sums: SharedSums;
  readonly rank: number;
  /** Threads of each network's run. */
  readonly threads: number;
}

interface RankThreads {
  /** Of rank 0, which is this thread's; says what a thread failed by. */
  readonly communicator: Communicator;
  /** Ends the threads, whatever they do. */
  close(): Promise<void>;
}

/**
 * Starts ranks 1..count-1 of a run.
 * @param count of trainers, this thread's among them
 * @param threads of each network's run
 */
export function startRankThreads(
  count: number,
  folder: string,
  settings: RunSettings,
  threads: number,
): RankThreads {
  const sums = shareSums(count);
  let failure: Error | undefined;
  const fail = (rank: number, cause: Error): void => {
    failure ??= new Error(`Worker ${rank} of ${count} failed: ${cause.message}`, { cause });
    failSums(sums);
  };
  const workers = Array.from({ length: count - 1 }, (_, i) => {
    const rank = i + 1;
    const workerData: RankWorkerData = { folder, settings, sums, rank, threads };
    const worker = new Worker(workerUrl, { workerData });
    worker.on('error', (cause) => fail(rank, cause as Error));
    return worker;
  });
  const communicator = threadCommunicator(sums, 0);
  return {
    communicator: {
      ...communicator,
      sum: (data) =>
        communicator.sum(data).catch((error: unknown) => {
          throw failure ?? error;
        }),
    },
    async close() {
      failSums(sums);
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
