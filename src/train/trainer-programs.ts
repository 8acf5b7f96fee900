/** A trainer's sessions: the generator's, with the losses that count at an iteration, and those of validation. */
import type { BindParameter } from '../graph/onnx/emit-model.ts';
import { add, mul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import type { PerceptualNetwork } from '../models/perceptual/perceptual-network.ts';
import type { Runtime, Tensors } from '../runtime/runtime.ts';
import type { Emission } from './emission.ts';
import { buildForwardProgram, buildGradientProgram } from './gradient-program.ts';
import type { Judge } from './judge.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from './loaded-program.ts';
import {
  adversarialLoss,
  featureMatchingLoss,
  gridLoss,
  l1Loss,
  mseLoss,
  psnrLoss,
  ssimLoss,
} from './losses.ts';
import type { StageGraph } from './stage-graph.ts';
import type { TrainConfig } from './train-config.ts';

/** Before the names of losses, and of validation's columns, among a program's values. */
const lossPrefix = 'loss.';
export const previewPrefix = 'preview.';

export interface TrainerPrograms {
  /**
   * Gives the losses that count at an iteration and, where a judge looks on, what it sees as `restored` and `truth`;
   * adds the gradients of their weighted sum. The program of other losses is released.
   */
  generator(iteration: number): Promise<LoadedProgram>;
  /** Gives all losses but the adversarial, the columns to show, and `latent` and `restored` where there are any. */
  validation(): LoadedProgram;
  release(): Promise<void>;
}

interface TrainerProgramsOptions {
  readonly config: TrainConfig;
  readonly stage: StageGraph;
  /** As {@link lossTerms} gives them. */
  readonly terms: Readonly<Record<string, Value>>;
  readonly judge: Judge | undefined;
  readonly trained: ReadonlySet<string>;
  readonly bind: BindParameter;
  /** Micro-batches in a batch, over which losses are averaged. */
  readonly accumulation: number;
  readonly emission: Emission;
}

/** Builds nothing yet: sessions are made when first asked for, and again when other losses count. */
export function createTrainerPrograms(
  runtime: Runtime,
  { config, stage, terms, judge, trained, bind, accumulation, emission }: TrainerProgramsOptions,
  load: LoadOptions,
): TrainerPrograms {
  const { activationMiB } = config;
  const building = {
    bind,
    activationBytes: activationMiB === undefined ? undefined : activationMiB * 2 ** 20,
    ...emission,
  };
  let generating: { readonly losses: string; readonly program: LoadedProgram } | undefined;
  let validating: LoadedProgram | undefined;

  const buildGenerator = (active: readonly [string, number][]) => {
    const values: Record<string, Value> = {};
    const weighted: Value[] = [];
    const count = (name: string, value: Value, weight: number): void => {
      values[lossPrefix + name] = value;
      weighted.push(mul(value, weight / accumulation));
    };
    const countJudgement = (weight: number): void => {
      const { restored, truth } = seenImages(stage)!;
      const { scores, features } = judge!.look(restored);
      const { featureMatching } = config.losses.adversarial!;
      count('adversarial', adversarialLoss(scores), weight);
      if (featureMatching > 0)
        count('features', featureMatchingLoss(features, judge!.look(truth).features), featureMatching);
    };
    for (const [name, weight] of active) {
      if (name === 'adversarial') countJudgement(weight);
      else count(name, terms[name]!, weight);
    }
    const loss = weighted.reduce((sum, term) => add(sum, term));
    const outputs = judge ? { ...values, ...seenImages(stage) } : values;
    return buildGradientProgram({ name: 'generator', loss, outputs, trained, ...building });
  };
  const buildValidation = () => {
    const outputs: Record<string, Value> = {};
    for (const [name, value] of Object.entries(terms)) outputs[lossPrefix + name] = value;
    for (const [name, value] of Object.entries(stage.preview)) outputs[previewPrefix + name] = value;
    if (stage.latent) outputs['latent'] = stage.latent;
    if (stage.images) outputs['restored'] = stage.images.restored;
    return buildForwardProgram({ name: 'validation', outputs, ...building });
  };

  return {
    async generator(iteration) {
      const active = activeWeights(config, iteration);
      const losses = active.map(([name]) => name).join(' ');
      if (generating?.losses === losses) return generating.program;
      await generating?.program.release();
      generating = undefined;
      const program = loadProgram(runtime, buildGenerator(active), load);
      generating = { losses, program };
      return program;
    },
    validation() {
      validating ??= loadProgram(runtime, buildValidation(), load);
      return validating;
    },
    async release() {
      await generating?.program.release();
      await validating?.release();
    },
  };
}

/** The networks that losses compare images by, by the losses' names. */
export interface ComparingNetworks {
  readonly perceptual?: PerceptualNetwork | undefined;
  readonly identity?: PerceptualNetwork | undefined;
}

/**
 * Losses that can count in a stage, unweighted, by their names in the config.
 * @throws {TypeError} if the config names a loss that the stage does not have
 */
export function lossTerms(
  { losses, stage: stageName }: TrainConfig,
  stage: StageGraph,
  comparing: ComparingNetworks,
): Record<string, Value> {
  const terms: Record<string, Value> = { ...stage.terms };
  if (stage.images) {
    const { restored, truth } = stage.images;
    const seen = seenImages(stage)!;
    const { views = seen } = stage;
    if (losses.l1) terms['l1'] = l1Loss(restored, truth);
    if (losses.mse) terms['mse'] ??= mseLoss(restored, truth);
    if (losses.psnr) terms['psnr'] = psnrLoss(restored, truth);
    if (losses.ssim) terms['ssim'] = ssimLoss(seen.restored, seen.truth);
    if (losses.grid) terms['grid'] = gridLoss(restored, truth);
    for (const name of ['perceptual', 'identity'] as const)
      if (losses[name]) terms[name] = comparing[name]!.distance(views.restored, views.truth);
  }
  for (const name of Object.keys(losses))
    if (name !== 'adversarial' && !(name in terms))
      throw new TypeError(`Cannot train by losses.${name}: the ${stageName} stage has none`);
  return terms;
}

/** What is compared by windows or by networks: moved, so that their positions leave no trace. */
const seenImages = ({ images, seen = images }: StageGraph): StageGraph['seen'] => seen;

/** Names and weights of the losses that count at an iteration. */
function activeWeights({ losses }: TrainConfig, iteration: number): [string, number][] {
  return Object.entries(losses)
    .filter(([, loss]) => loss && loss.weight > 0 && iteration >= loss.from)
    .map(([name, loss]) => [name, loss!.weight]);
}

/** Adds a micro-batch's losses to their sums, each as its share of the mean over `count` micro-batches. */
export function addLosses(sums: Map<string, number>, values: Tensors, count: number): void {
  for (const [name, tensor] of Object.entries(values))
    if (name.startsWith(lossPrefix)) {
      const key = name.slice(lossPrefix.length);
      sums.set(key, (sums.get(key) ?? 0) + tensor.data[0]! / count);
    }
}
