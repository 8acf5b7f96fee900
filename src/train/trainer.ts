/** One run's networks, losses and optimisers: takes steps, validates, and gives and takes its state. */

import { parametersOf } from '../graph/graph.ts';
import type { BindParameter } from '../graph/onnx/emit-model.ts';
import type { Shape, Value } from '../graph/value.ts';
import { prefixOf } from '../nn/parameter-scope.ts';
import { networkOf } from '../restore/networks.ts';
import { NonFiniteError, type Runtime, type Tensors } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { alone, type Communicator, takeFromFirst } from './communicator.ts';
import { divergedError } from './diverged.ts';
import { findEmission } from './emission.ts';
import { drawInitialWeights } from './initial-weights.ts';
import { createJudge, isJudgeParameter } from './judge.ts';
import type { LoadOptions } from './loaded-program.ts';
import { createOptimizer, type Optimizer } from './optimizer.ts';
import { networkScopes } from './stage-networks.ts';
import { buildStage, type StageNetworks } from './stages/build-stage.ts';
import { targetPrefix } from './stages/consistency.ts';
import type { TrainConfig } from './train-config.ts';
import { type StepHooks, type StepResult, takeStep } from './train-step.ts';
import type { TrainerParts } from './trainer-parts.ts';
import { type ComparingNetworks, createTrainerPrograms, lossTerms } from './trainer-programs.ts';
import type { TrainingBatch } from './training-data.ts';
import { translateSeen } from './translation.ts';
import { type ValidationResult, validate } from './validation.ts';
import { varyViews } from './views.ts';

export interface TrainerOptions {
  readonly config: TrainConfig;
  readonly networks: StageNetworks;
  readonly runtime: Runtime;
  /** Values of the parameter `name` to start from, or undefined for random ones. */
  readonly startWeight: (name: string, shape: Shape) => Promise<Float32Array | undefined>;
  /** Where the frozen networks' weights are. */
  readonly bindFrozen: BindParameter;
  /** What `losses.perceptual` and `losses.identity` compare by, where the config has them. */
  readonly comparing?: ComparingNetworks | undefined;
  /** Trainers that share every batch; this one alone unless given. */
  readonly communicator?: Communicator | undefined;
  /** Sees how long each session's run took. */
  readonly onPart?: LoadOptions['onPart'];
  /** Sees how long an optimiser's step took. */
  readonly onUpdate?: (ms: number) => void;
}

export interface Trainer {
  /** Trained parameters by full name. */
  readonly parameters: Tensors;
  /** Their running averages, or themselves where none are kept. */
  readonly averages: Tensors;
  /** Parameters and statistics of the discriminator, if there is one. */
  readonly discriminator: Tensors | undefined;
  /** Names that started from random weights. */
  readonly drawn: readonly string[];
  /** Everything a resumed run needs, to be saved and filled in place. */
  readonly state: Readonly<Record<string, HostTensor>>;
  /** Whether the state is that after a whole iteration: no longer, where one failed while it was changing it. */
  readonly isWhole: boolean;
  /**
   * @param iteration counts from 1
   * @param images this trainer's share of the batch
   * @throws {NonFiniteError} if the run diverged
   */
  step(iteration: number, images: TrainingBatch): Promise<StepResult>;
  /**
   * Losses with averaged weights, on draws that are the same at every call; where the stage makes images, how close
   * they come to the true ones as `psnr`, in place of the loss of that name, and `ssim`.
   */
  validate(images: TrainingBatch): Promise<ValidationResult>;
  /** Gives all trainers the state that rank 0 has. */
  synchronize(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Images that go through the networks of one of `ranks` trainers at a time.
 * @throws {TypeError} if a batch cannot be shared among so many
 */
export function microBatchOf({ data, microBatch }: TrainConfig, ranks = 1): number {
  const images = microBatch ?? data.batch / ranks;
  if (Number.isInteger(data.batch / ranks / images) && Number.isInteger(images)) return images;
  const least = microBatch ?? 1;
  throw new TypeError(
    `Cannot share a batch of ${data.batch} images among ${ranks} workers${microBatch === undefined ? '' : ` of ${microBatch} images at a time`}: make data.batch a multiple of ${ranks * least}`,
  );
}

/** @throws {TypeError} if the config's losses or networks are not those of its stage */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { config, runtime, comparing = {}, communicator = alone } = options;
  const { batch, size } = config.data;
  const microBatch = microBatchOf(config, communicator.size);
  const accumulation = batch / microBatch;
  const built = buildStage(config, networkScopes(), options.networks, { batch: microBatch, size });
  const stage = varyViews(translateSeen(built, config.translation), config.views);
  const terms = lossTerms(config, stage, comparing);

  const load: LoadOptions = { oneAtATime: config.activationMiB !== undefined, onPart: options.onPart };
  const { adversarial } = config.losses;
  if (adversarial && !stage.images) throw new TypeError(`The ${config.stage} stage makes no images to judge`);
  const emission = await findEmission(runtime);
  const judgeOptions = { microBatch, microBatches: accumulation, size, seed: config.seed, emission };
  const judge = adversarial && (await createJudge(runtime, adversarial, judgeOptions, load, communicator));

  const shapes = trainedShapes(config, [...Object.values(terms), ...Object.values(stage.preview)]);
  const optimizer = { ...config.optimizer, averageDecay: config.averageDecay };
  const generator = await createOptimizer(runtime, shapes, optimizer, communicator);
  const drawn = await fillStart(generator, options);
  const bind: BindParameter = (name, shape) => {
    if (shapes.has(name) || isJudgeParameter(name) || prefixOf(name) === targetPrefix)
      return { kind: 'input' };
    const owner = Object.values(comparing).find((network) => network?.owns(name));
    return owner ? owner.bind(name, shape) : options.bindFrozen(name, shape);
  };
  const trained = new Set(shapes.keys());
  const programs = createTrainerPrograms(
    runtime,
    { config, stage, terms, judge, trained, bind, accumulation, emission },
    load,
  );
  const parts: TrainerParts = { config, microBatch, stage, programs, generator, judge, communicator };
  let isWhole = true;
  const hooks: StepHooks = {
    onChange: () => {
      isWhole = false;
    },
    onUpdate: options.onUpdate ?? (() => {}),
  };

  const state = {
    ...prefixed('generator', generator.state),
    ...(judge && prefixed('discriminator', judge.state)),
  };
  return {
    parameters: generator.parameters,
    averages: generator.averages,
    discriminator: judge && { ...judge.parameters, ...judge.statistics },
    drawn,
    state,
    get isWhole() {
      return isWhole;
    },
    async step(iteration, images) {
      try {
        const result = await takeStep(parts, iteration, images, hooks);
        isWhole = true;
        return result;
      } catch (cause) {
        if (!(cause instanceof NonFiniteError)) throw cause;
        throw divergedError(iteration, 'a loss or a gradient', cause);
      }
    },
    validate: (images) => validate(parts, images),
    synchronize: () =>
      takeFromFirst(
        communicator,
        Object.values(state).map(({ data }) => data),
      ),
    async release() {
      await programs.release();
      await generator.release();
      await judge?.release();
    },
  };
}

/**
 * Shapes of the parameters that a run trains, by full name.
 * @param outputs of all graphs that hold them
 * @throws {TypeError} if a network to be trained is in none of them
 */
function trainedShapes({ train, stage }: TrainConfig, outputs: readonly Value[]): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [name, { shape }] of parametersOf(outputs)) {
    const network = networkOf(name);
    if (network !== undefined && train.includes(network)) shapes.set(name, shape);
  }
  const used = new Set([...shapes.keys()].map(networkOf));
  const unused = train.filter((network) => !used.has(network));
  if (unused.length > 0)
    throw new TypeError(
      `Cannot train ${unused.join(' and ')}: the ${stage} stage, as it is set, does not use it. Leave it out of "train"`,
    );
  return shapes;
}

async function fillStart(generator: Optimizer, { config, startWeight }: TrainerOptions): Promise<string[]> {
  const drawn: string[] = [];
  for (const [name, { shape, data }] of Object.entries(generator.parameters)) {
    const values = await startWeight(name, shape);
    if (values) data.set(values);
    else drawn.push(name);
  }
  drawInitialWeights(generator.parameters, drawn, config.seed, config.initialGain);
  copyTensors(generator.parameters, generator.averages);
  return drawn;
}

function copyTensors(from: Tensors, to: Tensors): void {
  for (const [name, { data }] of Object.entries(from)) to[name]!.data.set(data);
}

function prefixed(prefix: string, tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}
