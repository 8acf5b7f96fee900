/** Training data from disk: decoded, degraded and batched ahead in worker threads. */

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createBatchMaker } from '../../../train/training-batch.ts';
import {
  type TrainingBatch,
  type TrainingData,
  type TrainingDataSettings,
  TrainingPlan,
} from '../../../train/training-data.ts';
import { roundTripJpeg } from '../picture/jpeg.ts';
import {
  type FindOptions,
  findTrainingFiles,
  openTrainingFiles,
  type TrainingSource,
} from './training-files.ts';
import type { BatchReply, BatchRequest, TrainingWorkerData } from './training-worker.ts';

export interface OpenTrainingDataOptions extends FindOptions {
  /** threads that make batches; 0: this one, when a batch is asked for. Default 1 */
  readonly workers?: number;
  /** batches made before they are asked for; default two a worker, as far as they take 2 GiB at most */
  readonly lookAhead?: number;
}

/**
 * Finds the pictures, reads their headers, and starts the workers.
 * @throws {Error} if there are no pictures, or naming those that cannot be read or have no partner
 * @throws {RangeError} if an option is out of range
 */
export async function openTrainingData(
  source: TrainingSource,
  settings: TrainingDataSettings,
  options: OpenTrainingDataOptions = {},
): Promise<TrainingData> {
  const { workers = 1 } = options;
  const { lookAhead = Math.min(2 * workers, Math.floor(maxAheadBytes / batchBytes(settings))) } = options;
  for (const [name, value] of Object.entries({ workers, lookAhead }))
    if (!Number.isInteger(value) || value < 0 || value > maxAhead)
      throw new RangeError(
        `Cannot open training data with ${name} ${value}: it must be a whole number in 0..${maxAhead}`,
      );
  // Pairs are degraded already.
  const used = 'pairs' in source ? { ...settings, degradation: null } : settings;
  const files = await findTrainingFiles(source, options);
  // Settings that are wrong are so before a worker starts.
  new TrainingPlan(used, files.high.length);
  if (workers > 0) return new WorkerData({ settings: used, files }, workers, lookAhead);
  return {
    count: files.high.length,
    batch: createBatchMaker(used, openTrainingFiles(files), roundTripJpeg),
    close: async () => {},
  };
}

const maxAhead = 256;
const maxAheadBytes = 2 ** 31;

/** Of the good, the degraded and the whole images, float32. */
function batchBytes({ batch, size, canvas, degradation, wholeContext }: TrainingDataSettings): number {
  const pixels = size ** 2 * (degradation ? 2 : 1) + (wholeContext ? canvas ** 2 : 0);
  return batch * 3 * pixels * 4;
}
/** Beside this file and of its kind: .js when built; .ts where Node itself runs that. */
const workerUrl = new URL(`./training-worker${extname(import.meta.url)}`, import.meta.url);

interface Job {
  readonly worker: number;
  readonly resolve: (batch: TrainingBatch) => void;
  readonly reject: (error: Error) => void;
}

/** Iteration k is made by worker k modulo their number; each makes its own in the order asked for. */
class WorkerData implements TrainingData {
  readonly count: number;
  readonly #workers: readonly Worker[];
  readonly #lookAhead: number;
  /** from the iteration asked for last to the end of the look-ahead */
  readonly #batches = new Map<number, Promise<TrainingBatch>>();
  readonly #jobs = new Map<number, Job>();
  #jobCount = 0;
  #stopped: Error | undefined;

  constructor(workerData: TrainingWorkerData, workers: number, lookAhead: number) {
    this.count = workerData.files.high.length;
    this.#lookAhead = lookAhead;
    this.#workers = Array.from({ length: workers }, () => this.#start(workerData));
  }

  async batch(iteration: number): Promise<TrainingBatch> {
    if (!Number.isSafeInteger(iteration) || iteration < 0)
      throw new RangeError(
        `Cannot make the batch of iteration ${iteration}: it must be a whole number from 0`,
      );
    const wanted = this.#request(iteration);
    const last = iteration + this.#lookAhead;
    for (let next = iteration + 1; next <= last; next++) this.#request(next);
    for (const other of this.#batches.keys())
      if (other < iteration || other > last) this.#batches.delete(other);
    return wanted;
  }

  async close(): Promise<void> {
    this.#stop(new Error('Cannot make a batch: the training data is closed'));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(workerData: TrainingWorkerData): Worker {
    const worker = new Worker(workerUrl, { workerData });
    worker.on('message', (reply: BatchReply) => this.#settle(reply));
    worker.on('error', (cause) =>
      this.#stop(new Error(`Cannot read training data: a worker thread failed: ${cause.message}`, { cause })),
    );
    worker.on('exit', (code) =>
      this.#stop(new Error(`Cannot read training data: a worker thread ended with exit code ${code}`)),
    );
    // A worker without work does not keep the process from ending.
    worker.unref();
    return worker;
  }

  #request(iteration: number): Promise<TrainingBatch> {
    const known = this.#batches.get(iteration);
    if (known) return known;
    const batch = new Promise<TrainingBatch>((resolve, reject) => {
      if (this.#stopped) {
        reject(this.#stopped);
        return;
      }
      const job = this.#jobCount++;
      const worker = iteration % this.#workers.length;
      this.#jobs.set(job, { worker, resolve, reject });
      this.#workers[worker]!.ref();
      this.#workers[worker]!.postMessage({ job, iteration } satisfies BatchRequest);
    });
    // An error ahead of time is one only when its batch is asked for.
    batch.catch(() => undefined);
    this.#batches.set(iteration, batch);
    return batch;
  }

  #settle(reply: BatchReply): void {
    const job = this.#jobs.get(reply.job);
    if (!job) return;
    this.#jobs.delete(reply.job);
    if (reply.batch) job.resolve(reply.batch);
    else job.reject(reply.error);
    if (![...this.#jobs.values()].some(({ worker }) => worker === job.worker))
      this.#workers[job.worker]!.unref();
  }

  /** What is still waited for fails with `error`; the first one counts. */
  #stop(error: Error): void {
    this.#stopped ??= error;
    for (const { reject } of this.#jobs.values()) reject(this.#stopped);
    this.#jobs.clear();
    this.#batches.clear();
  }
}
