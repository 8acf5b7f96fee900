/** What a trainer is made of, and what its programs are fed: steps and validations share it. */
import { keyOf, parameterName } from '../nn/parameter-scope.ts';
import { RandomStream } from '../random/random-stream.ts';
import { networkOf } from '../restore/networks.ts';
import type { Tensors } from '../runtime/runtime.ts';
import type { Communicator } from './communicator.ts';
import type { Judge } from './judge.ts';
import type { Optimizer } from './optimizer.ts';
import type { StageGraph } from './stage-graph.ts';
import { targetPrefix } from './stages/consistency.ts';
import type { TrainConfig } from './train-config.ts';
import type { TrainerPrograms } from './trainer-programs.ts';
import type { TrainingBatch } from './training-data.ts';

export interface TrainerParts {
  readonly config: TrainConfig;
  /** Images that go through the networks at a time. */
  readonly microBatch: number;
  readonly stage: StageGraph;
  readonly programs: TrainerPrograms;
  readonly generator: Optimizer;
  readonly judge: Judge | undefined;
  /** Trainers that share every batch. */
  readonly communicator: Communicator;
}

/**
 * What the stage's graph is fed beside the trained parameters.
 * @param index of the micro-batch in its batch
 * @param keys of the batch, from which its draws follow
 */
export function stageFeeds(
  { config, microBatch, stage, generator }: TrainerParts,
  images: TrainingBatch,
  index: number,
  purpose: 'training' | 'validation',
  keys: readonly number[],
): Tensors {
  const streams = Array.from(
    { length: microBatch },
    (_, k) => new RandomStream(config.seed, [...keys, index * microBatch + k]),
  );
  return { ...stage.feeds(images, streams, purpose), ...targetNetwork(generator) };
}

/** The averaged UNet as the consistency stage's target. */
function targetNetwork({ averages }: Optimizer): Tensors {
  const unet = Object.entries(averages).filter(([name]) => networkOf(name) === 'unet');
  return Object.fromEntries(unet.map(([name, tensor]) => [parameterName(targetPrefix, keyOf(name)), tensor]));
}
