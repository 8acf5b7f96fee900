/** A worker thread that makes batches, one after another, for `openTrainingData`. */

import { parentPort, workerData } from 'node:worker_threads';
import { createBatchMaker } from '../../../train/training-batch.ts';
import type { TrainingBatch, TrainingDataSettings } from '../../../train/training-data.ts';
import { roundTripJpeg } from '../picture/jpeg.ts';
import { openTrainingFiles, type TrainingFiles } from './training-files.ts';

export interface TrainingWorkerData {
  readonly settings: TrainingDataSettings;
  readonly files: TrainingFiles;
}

export interface BatchRequest {
  /** tells replies apart: an iteration may be asked for twice */
  readonly job: number;
  readonly iteration: number;
}

export type BatchReply = { readonly job: number } & (
  | { readonly batch: TrainingBatch }
  | { readonly batch?: undefined; readonly error: Error }
);

const port = parentPort!;
const { settings, files } = workerData as TrainingWorkerData;
const makeBatch = createBatchMaker(settings, openTrainingFiles(files), roundTripJpeg);

let previous = Promise.resolve();
port.on('message', (request: BatchRequest) => {
  previous = previous.then(() => answer(request));
});

async function answer({ job, iteration }: BatchRequest): Promise<void> {
  try {
    const batch = await makeBatch(iteration);
    // One buffer where nothing is degraded.
    const tensors = [batch.high, batch.low, ...(batch.whole ? [batch.whole] : [])];
    const buffers = new Set(tensors.map(({ data }) => data.buffer));
    port.postMessage({ job, batch } satisfies BatchReply, [...buffers] as ArrayBuffer[]);
  } catch (error) {
    // The cause may be of a kind that cannot be sent.
    port.postMessage({ job, error: new Error((error as Error).message) } satisfies BatchReply);
  }
}
