import type { WeightStore } from '../../restore/blob-checkpoint-store.ts';
import { type CheckpointOverrides, openCheckpoint } from '../../restore/checkpoint.ts';
import { createRestorer } from '../../restore/create-restorer.ts';
import type { Restorer } from '../../restore/restorer.ts';
import type { MemoryMode } from '../../restore/stage-models.ts';
import { webCheckpointStore } from './checkpoint-store.ts';
import { createWebRuntime, type WebDeviceChoice, type WebRuntimeOptions } from './web-runtime.ts';

export interface LoadWebRestorerOptions extends CheckpointOverrides, Pick<WebRuntimeOptions, 'loadEngine'> {
  readonly device?: WebDeviceChoice;
  readonly threads?: number;
  /** `low`, one network at a time, unless given: a page's memory ends at 4 GB. */
  readonly memory?: MemoryMode;
}

/**
 * Loads a model in a browser; best in a worker.
 * @param checkpoint the URL of a checkpoint folder in the released layout, or a store
 * @throws {CheckpointError} if the checkpoint is incomplete or does not fit together
 * @throws {Error} if the device asked for cannot be used here
 */
export async function loadRestorer(
  checkpoint: string | WeightStore,
  { device, threads, memory = 'low', loadEngine, ...overrides }: LoadWebRestorerOptions = {},
): Promise<Restorer> {
  const store = typeof checkpoint === 'string' ? webCheckpointStore(checkpoint) : checkpoint;
  const runtime = await createWebRuntime({ device, threads, loadEngine, loadWeights: store.loadWeights });
  return createRestorer(await openCheckpoint(store, overrides), runtime, { memory });
}
