/** One iteration: the generator learns from a batch, then the judge from what the generator made of it. */
import type { HostTensor } from '../tensor/host-tensor.ts';
import { sumByName } from './communicator.ts';
import { rateAt } from './learning-rate.ts';
import { microBatches } from './micro-batch.ts';
import { stageFeeds, type TrainerParts } from './trainer-parts.ts';
import { addLosses } from './trainer-programs.ts';
import type { TrainingBatch } from './training-data.ts';

export interface StepResult {
  /** Losses, learning rate and gradient norms by name. */
  readonly values: Readonly<Record<string, number>>;
}

/** First key of the draws of a training batch. */
const imageStream = 1;

export interface StepHooks {
  /** Called before anything of the trainer's state changes. */
  readonly onChange: () => void;
  /** Sees how long an optimiser's step took. */
  readonly onUpdate: (ms: number) => void;
}

/**
 * @param iteration counts from 1
 * @param images this trainer's share of the batch
 * @throws {NonFiniteError} if a loss or a gradient is not finite
 */
export async function takeStep(
  trainer: TrainerParts,
  iteration: number,
  images: TrainingBatch,
  { onChange, onUpdate }: StepHooks,
): Promise<StepResult> {
  const { config, microBatch, programs, generator, judge, communicator } = trainer;
  const timed = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const start = performance.now();
    const result = await work();
    onUpdate(performance.now() - start);
    return result;
  };
  const sums = new Map<string, number>();
  const program = await programs.generator(iteration);
  const judging = judge && iteration >= config.losses.adversarial!.from ? judge : undefined;
  const seen: { readonly truth: HostTensor; readonly restored: HostTensor }[] = [];
  const parts = microBatches(images, microBatch);
  const count = parts.length * communicator.size;
  const first = parts.length * communicator.rank;
  for (const [i, part] of parts.entries()) {
    const feeds = {
      ...stageFeeds(trainer, part, first + i, 'training', [imageStream, iteration]),
      ...generator.parameters,
      ...judge?.parameters,
    };
    const values = await program.run(feeds, generator.gradients);
    addLosses(sums, values, count);
    if (judging) seen.push({ truth: values['truth']!, restored: values['restored']! });
  }
  const rate = rateAt(config.optimizer, iteration);
  await generator.addUp();
  onChange();
  const report = await timed(() => generator.step(iteration, rate));
  const others: Record<string, number> = { gradient_norm: report.gradientNorm, learning_rate: rate };
  if (judging) {
    for (const { truth, restored } of seen) addLosses(sums, await judging.learn(truth, restored), count);
    const { gradientNorm } = await timed(() => judging.step(iteration));
    others['d_gradient_norm'] = gradientNorm;
  }
  await sumByName(communicator, sums);
  return { values: { ...Object.fromEntries(sums), ...others } };
}
