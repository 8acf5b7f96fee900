/** One run's networks, losses and optimisers: takes steps, validates, and gives and takes its state. */

import { parametersOf } from '../graph/graph.ts';
import type { BindParameter } from '../graph/onnx/emit-model.ts';
import { add, mul } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import type { PerceptualNetwork } from '../models/perceptual/perceptual-network.ts';
import { keyOf, parameterName, prefixOf } from '../nn/parameter-scope.ts';
import { RandomStream } from '../random/random-stream.ts';
import { networkOf } from '../restore/networks.ts';
import { NonFiniteError, type Runtime, type Tensors } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { buildForwardProgram, buildGradientProgram } from './gradient-program.ts';
import { imageScores } from './image-scores.ts';
import { drawInitialWeights } from './initial-weights.ts';
import { createJudge, isJudgeParameter } from './judge.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from './loaded-program.ts';
import { adversarialLoss, l1Loss, mseLoss, psnrLoss } from './losses.ts';
import { joinBatches, microBatches } from './micro-batch.ts';
import { createOptimizer, type Optimizer } from './optimizer.ts';
import type { ImagePair, StageGraph } from './stage-graph.ts';
import { networkScopes } from './stage-networks.ts';
import { buildStage, type StageNetworks } from './stages/build-stage.ts';
import { targetPrefix } from './stages/consistency.ts';
import { rateAt, type TrainConfig } from './train-config.ts';

export interface TrainerOptions {
  readonly config: TrainConfig;
  readonly networks: StageNetworks;
  readonly runtime: Runtime;
  /** Values of the parameter `name` to start from, or undefined for random ones. */
  readonly startWeight: (name: string, shape: Shape) => Promise<Float32Array | undefined>;
  /** Where the frozen networks' weights are. */
  readonly bindFrozen: BindParameter;
  readonly perceptual?: PerceptualNetwork | undefined;
  /** Sees how long each session's run took. */
  readonly onPart?: LoadOptions['onPart'];
  /** Sees how long an optimiser's step took. */
  readonly onUpdate?: (ms: number) => void;
}

export interface StepResult {
  /** Losses, learning rate and gradient norms by name. */
  readonly values: Readonly<Record<string, number>>;
}

export interface ValidationResult {
  readonly values: Readonly<Record<string, number>>;
  /** Of an autoencoder's latents, over all their elements. */
  readonly latentDeviation?: number;
  /** Columns by name, each [images, 3, S, S]. */
  readonly columns: Readonly<Record<string, HostTensor>>;
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
  /**
   * @param iteration counts from 1
   * @throws {NonFiniteError} if the run diverged
   */
  step(iteration: number, images: ImagePair): Promise<StepResult>;
  /**
   * Losses with averaged weights, on draws that are the same at every call; where the stage makes images, how close
   * they come to the true ones as `psnr`, in place of the loss of that name, and `ssim`.
   */
  validate(images: ImagePair): Promise<ValidationResult>;
  release(): Promise<void>;
}

const imageStream = 1;
const validationStream = 2;
const lossPrefix = 'loss.';
const previewPrefix = 'preview.';

/** @throws {TypeError} if the config's losses or networks are not those of its stage */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { config, runtime, perceptual } = options;
  const { batch, size } = config.data;
  const microBatch = config.microBatch ?? batch;
  const scopes = networkScopes();
  const stage = buildStage(config, scopes, options.networks, { batch: microBatch, size });
  const terms = lossTerms(config, stage, perceptual);

  const load: LoadOptions = { oneAtATime: config.activationMiB !== undefined, onPart: options.onPart };
  const accumulation = batch / microBatch;
  const adversarial = config.losses.adversarial;
  if (adversarial && !stage.images) throw new TypeError(`The ${config.stage} stage makes no images to judge`);
  const judge =
    adversarial &&
    (await createJudge(
      runtime,
      adversarial,
      { microBatch, microBatches: accumulation, size, seed: config.seed },
      load,
    ));

  const all = parametersOf([...Object.values(terms), ...Object.values(stage.preview)]);
  const trainedNames = [...all.keys()].filter((name) => {
    const network = networkOf(name);
    return network !== undefined && config.train.includes(network);
  });
  const unused = config.train.filter((network) => !trainedNames.some((name) => networkOf(name) === network));
  if (unused.length > 0)
    throw new TypeError(
      `Cannot train ${unused.join(' and ')}: the ${config.stage} stage, as it is set, does not use it. Leave it out of "train"`,
    );
  const shapesOf = (names: readonly string[]): Map<string, Shape> =>
    new Map(names.map((name) => [name, all.get(name)!.shape]));

  const generator = await createOptimizer(runtime, shapesOf(trainedNames), {
    ...config.optimizer,
    averageDecay: config.averageDecay,
  });
  const drawn = await fillStart(generator, options);
  const trained = new Set(trainedNames);
  const bind: BindParameter = (name, shape) => {
    if (trained.has(name) || isJudgeParameter(name) || prefixOf(name) === targetPrefix)
      return { kind: 'input' };
    return perceptual?.owns(name) ? perceptual.bind(name, shape) : options.bindFrozen(name, shape);
  };

  const programOptions = {
    bind,
    activationBytes: config.activationMiB === undefined ? undefined : config.activationMiB * 2 ** 20,
  };
  let generating: { readonly losses: string; readonly program: LoadedProgram } | undefined;
  let validating: LoadedProgram | undefined;

  /** The generator's program with the losses that count at an iteration, which takes the place of the last one. */
  const generatorProgram = async (iteration: number): Promise<LoadedProgram> => {
    const active = activeWeights(config, iteration);
    const losses = active.map(([name]) => name).join(' ');
    if (generating?.losses === losses) return generating.program;
    await generating?.program.release();
    generating = undefined;
    const values: Record<string, Value> = {};
    for (const [name] of active)
      values[lossPrefix + name] =
        name === 'adversarial' ? adversarialLoss(judge!.scores(stage.images!.restored)) : terms[name]!;
    const weighted = active.map(([name, weight]) => mul(values[lossPrefix + name]!, weight / accumulation));
    const loss = weighted.reduce((sum, term) => add(sum, term));
    const outputs = judge && stage.images ? { ...values, restored: stage.images.restored } : values;
    const program = buildGradientProgram({ name: 'generator', loss, outputs, trained, ...programOptions });
    generating = { losses, program: loadProgram(runtime, program, load) };
    return generating.program;
  };

  const validationProgram = (): LoadedProgram => {
    if (validating) return validating;
    const outputs: Record<string, Value> = {};
    for (const [name, value] of Object.entries(terms)) outputs[lossPrefix + name] = value;
    for (const [name, value] of Object.entries(stage.preview)) outputs[previewPrefix + name] = value;
    if (stage.latent) outputs['latent'] = stage.latent;
    if (stage.images) outputs['restored'] = stage.images.restored;
    const program = buildForwardProgram({ name: 'validation', outputs, ...programOptions });
    validating = loadProgram(runtime, program, load);
    return validating;
  };

  const timed = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const start = performance.now();
    const result = await work();
    options.onUpdate?.(performance.now() - start);
    return result;
  };

  const targets = (): Tensors =>
    Object.fromEntries(
      Object.entries(generator.averages)
        .filter(([name]) => networkOf(name) === 'unet')
        .map(([name, tensor]) => [parameterName(targetPrefix, keyOf(name)), tensor]),
    );

  const takeStep: Trainer['step'] = async (iteration, images) => {
    const sums = new Map<string, number>();
    const program = await generatorProgram(iteration);
    const judging = judge && iteration >= adversarial!.from ? judge : undefined;
    const restored: HostTensor[] = [];
    const parts = microBatches(images, microBatch);
    for (const [i, part] of parts.entries()) {
      const streams = Array.from(
        { length: microBatch },
        (_, k) => new RandomStream(config.seed, [imageStream, iteration, i * microBatch + k]),
      );
      const feeds = {
        ...stage.feeds(part, streams),
        ...generator.parameters,
        ...judge?.parameters,
        ...targets(),
      };
      const values = await program.run(feeds, generator.gradients);
      addLosses(sums, values, accumulation);
      if (judging) restored.push(values['restored']!);
    }
    const rate = rateAt(config.optimizer, iteration);
    const report = await timed(() => generator.step(iteration, rate));
    sums.set('gradient_norm', report.gradientNorm);
    sums.set('learning_rate', rate);
    if (judging) {
      for (const [i, part] of parts.entries())
        addLosses(sums, await judging.learn(part.high, restored[i]!), accumulation);
      const { gradientNorm } = await timed(() => judging.step(iteration));
      sums.set('d_gradient_norm', gradientNorm);
    }
    return { values: Object.fromEntries(sums) };
  };

  return {
    parameters: generator.parameters,
    averages: generator.averages,
    discriminator: judge && { ...judge.parameters, ...judge.statistics },
    drawn,
    state: {
      ...prefixed('generator', generator.state),
      ...(judge && prefixed('discriminator', judge.state)),
    },

    async step(iteration, images) {
      try {
        return await takeStep(iteration, images);
      } catch (cause) {
        if (!(cause instanceof NonFiniteError)) throw cause;
        throw new NonFiniteError(
          `Training diverged at iteration ${iteration}: a loss or a gradient is not finite. Go on from the last saved iteration with a lower optimizer.learningRate, or clip gradients by optimizer.maxGradientNorm, such as 1`,
          { cause },
        );
      }
    },

    async validate(images) {
      const sums = new Map<string, number>();
      const scores = new Map<string, number>();
      const columns: Record<string, HostTensor[]> = {};
      const latents: HostTensor[] = [];
      const parts = microBatches(images, microBatch);
      for (const [i, part] of parts.entries()) {
        const streams = Array.from(
          { length: microBatch },
          (_, k) => new RandomStream(config.seed, [validationStream, i * microBatch + k]),
        );
        const feeds = { ...stage.feeds(part, streams), ...generator.averages, ...targets() };
        const values = await validationProgram().run(feeds, {});
        addLosses(sums, values, parts.length);
        if (stage.images)
          for (const [name, score] of Object.entries(imageScores(values['restored']!, part.high)))
            scores.set(name, (scores.get(name) ?? 0) + score / parts.length);
        if (values['latent']) latents.push(values['latent']);
        for (const [name, tensor] of Object.entries(values))
          if (name.startsWith(previewPrefix)) {
            const column = name.slice(previewPrefix.length);
            columns[column] = [...(columns[column] ?? []), tensor];
          }
      }
      return {
        values: Object.fromEntries([...sums, ...scores]),
        ...(latents.length > 0 && { latentDeviation: deviation(joinBatches(latents).data) }),
        columns: Object.fromEntries(
          Object.entries(columns).map(([name, tensors]) => [name, joinBatches(tensors)]),
        ),
      };
    },

    async release() {
      await generating?.program.release();
      await validating?.release();
      await generator.release();
      await judge?.release();
    },
  };
}

/** Losses that can count in a stage, unweighted. */
function lossTerms(
  { losses, stage: stageName }: TrainConfig,
  stage: StageGraph,
  perceptual: PerceptualNetwork | undefined,
): Record<string, Value> {
  const terms: Record<string, Value> = { ...stage.terms };
  if (stage.images) {
    const { restored, truth } = stage.images;
    if (losses.l1) terms['l1'] = l1Loss(restored, truth);
    if (losses.mse) terms['mse'] ??= mseLoss(restored, truth);
    if (losses.psnr) terms['psnr'] = psnrLoss(restored, truth);
    if (losses.perceptual) terms['perceptual'] = perceptual!.distance(restored, truth);
  }
  for (const name of Object.keys(losses))
    if (name !== 'adversarial' && !(name in terms))
      throw new TypeError(`Cannot train by losses.${name}: the ${stageName} stage has none`);
  return terms;
}

/** Names and weights of the losses that count at an iteration. */
function activeWeights({ losses }: TrainConfig, iteration: number): [string, number][] {
  return Object.entries(losses)
    .filter(([, loss]) => loss && loss.weight > 0 && iteration >= loss.from)
    .map(([name, loss]) => [name, loss!.weight]);
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

function addLosses(sums: Map<string, number>, values: Tensors, count: number): void {
  for (const [name, tensor] of Object.entries(values))
    if (name.startsWith(lossPrefix)) {
      const key = name.slice(lossPrefix.length);
      sums.set(key, (sums.get(key) ?? 0) + tensor.data[0]! / count);
    }
}

function deviation(data: Float32Array): number {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  return Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length);
}

function copyTensors(from: Tensors, to: Tensors): void {
  for (const [name, { data }] of Object.entries(from)) to[name]!.data.set(data);
}

function prefixed(prefix: string, tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}
