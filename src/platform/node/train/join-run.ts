/** The part in a training run of every trainer but the first: it steps along, and writes nothing. */
import type { Runtime } from '../../../runtime/runtime.ts';
import { anyOf, type Communicator, takeFromFirst } from '../../../train/communicator.ts';
import type { Trainer } from '../../../train/trainer.ts';
import { openTraining } from './open-training.ts';
import { pinPaths, type RunSettings } from './run-settings.ts';

/**
 * Takes part in a run that the trainer of rank 0 starts or goes on with; writes nothing.
 * @param given the same as that one's
 */
export async function joinRun(
  folder: string,
  given: RunSettings,
  options: { readonly runtime: Runtime; readonly communicator: Communicator; readonly signal?: AbortSignal },
): Promise<void> {
  const { communicator, signal } = options;
  const settings = await pinPaths(given);
  const opened = await openTraining(folder, settings, options);
  const { trainer, data } = opened;
  try {
    const done = await agreeOnStart(trainer, communicator, 0);
    for (let iteration = done + 1; iteration <= settings.config.iterations; iteration++) {
      await trainer.step(iteration, await data.batch(iteration - 1));
      if (await anyOf(communicator, signal?.aborted === true)) return;
    }
  } finally {
    await opened.close();
  }
}

/** Gives all trainers the state of rank 0's. @returns how many iterations that one has done */
export async function agreeOnStart(
  trainer: Trainer,
  communicator: Communicator,
  done: number,
): Promise<number> {
  const start = Float32Array.of(done);
  await takeFromFirst(communicator, [start]);
  await trainer.synchronize();
  return start[0]!;
}
