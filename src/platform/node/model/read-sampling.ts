import type { SchedulerConfig } from '../../../diffusion/lcm-schedule.ts';
import { openNetworks } from '../../../restore/checkpoint.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

/**
 * The schedule of a checkpoint. No weights are opened.
 * @throws {CheckpointError} if there is no such folder, or its config cannot be used
 */
export async function readScheduler(folder: string): Promise<SchedulerConfig> {
  const store = await openCheckpointFolder(folder);
  try {
    return (await openNetworks(store, [])).scheduler;
  } finally {
    await store.close();
  }
}

/**
 * How many steps a checkpoint is sampled in, and how many its schedule has at most. No weights are opened.
 * @throws {CheckpointError} if there is no such folder, or its configs cannot be used
 */
export async function readSampling(folder: string): Promise<{ steps: number | undefined; most: number }> {
  const store = await openCheckpointFolder(folder);
  try {
    const { sampling, scheduler } = await openNetworks(store, []);
    return { steps: sampling.steps, most: scheduler.original_inference_steps };
  } finally {
    await store.close();
  }
}
