/** The adversary: a discriminator with its optimiser, which learns to tell restored images from true ones. */

import { parametersOf } from '../graph/graph.ts';
import type { BindParameter } from '../graph/onnx/emit-model.ts';
import { add, concat, input, mul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { buildDiscriminator, type Judgement } from '../models/discriminator/discriminator.ts';
import { type BatchNorm, trackingBatchNorm } from '../nn/batch-norm.ts';
import { cutBox } from '../nn/cut-box.ts';
import { parameterScope, prefixOf } from '../nn/parameter-scope.ts';
import type { Runtime, Tensors } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { alone, type Communicator } from './communicator.ts';
import type { Emission } from './emission.ts';
import { buildGradientProgram } from './gradient-program.ts';
import { drawInitialWeights } from './initial-weights.ts';
import { rateAt } from './learning-rate.ts';
import { type LoadOptions, loadProgram } from './loaded-program.ts';
import { hingeLoss } from './losses.ts';
import { createOptimizer } from './optimizer.ts';
import { runningStatistics } from './running-statistics.ts';
import { isSingularVector, singularVectors } from './singular-vectors.ts';
import type { AdversarialSettings } from './train-config.ts';

export interface Judge {
  /**
   * What it sees in images [B, 3, H, W], or in the parts of them that are judged; its parameters are those of
   * {@link Judge.parameters}.
   */
  look(image: Value): Judgement;
  /** Fed by full name to graphs that hold what {@link Judge.look} gives: trained ones, and singular vectors of them. */
  readonly parameters: Tensors;
  /** Running statistics of its batch normalisations, by full name. */
  readonly statistics: Tensors;
  /** Everything that a resumed run needs. */
  readonly state: Readonly<Record<string, HostTensor>>;
  /** Adds gradients of the hinge loss of one micro-batch. @returns `loss.d_real` and `loss.d_fake` */
  learn(real: HostTensor, fake: HostTensor): Promise<Tensors>;
  /** @param iteration of the run, by which the learning rate goes, as in the published training */
  step(iteration: number): Promise<{ readonly gradientNorm: number }>;
  release(): Promise<void>;
}

interface JudgeOptions {
  readonly microBatch: number;
  /** In a batch of all trainers, over which the loss is averaged. */
  readonly microBatches: number;
  /** Of the images in pixels. */
  readonly size: number;
  readonly seed: number;
  readonly emission?: Emission;
}

const prefix = 'd';
/** Whether a parameter of a graph is the discriminator's. */
export const isJudgeParameter = (name: string): boolean => prefixOf(name) === prefix;

/**
 * @param communicator of trainers whose judges learn as one; each normalises its own micro-batches
 */
export async function createJudge(
  runtime: Runtime,
  settings: AdversarialSettings,
  { microBatch, microBatches, size, seed, emission }: JudgeOptions,
  load: LoadOptions,
  communicator: Communicator = alone,
): Promise<Judge> {
  const scope = parameterScope(prefix);
  const shape = [microBatch, 3, size, size];
  const running = new Map<string, Value>();
  const look = (image: Value, norm?: BatchNorm): Judgement =>
    buildDiscriminator(scope, settings, judgedParts(image, settings), norm);
  const [real, fake] = [input('real', shape), input('fake', shape)];
  const norm = trackingBatchNorm(running);
  look(fake, norm); // the running statistics have seen these images already, when the generator's loss was computed
  const losses = {
    'loss.d_real': hingeLoss.real(look(real, norm).scores),
    'loss.d_fake': hingeLoss.fake(look(fake, norm).scores),
  };
  const loss = mul(add(losses['loss.d_real'], losses['loss.d_fake']), 1 / microBatches);
  const all = new Map([...parametersOf([loss])].map(([name, value]) => [name, value.shape]));
  const shapes = new Map([...all].filter(([name]) => !isSingularVector(name)));
  const optimizer = await createOptimizer(runtime, shapes, settings.optimizer, communicator);
  drawInitialWeights(optimizer.parameters, shapes.keys(), seed, 1);
  const vectors = singularVectors(all, optimizer.parameters, seed);
  const parameters = { ...optimizer.parameters, ...vectors.tensors };
  const statistics = runningStatistics(running);

  const bind: BindParameter = () => ({ kind: 'input' });
  const outputs = { ...losses, ...statistics.outputs };
  const trained = new Set(shapes.keys());
  const program = loadProgram(
    runtime,
    buildGradientProgram({ name: 'discriminator', loss, outputs, trained, bind, ...emission }),
    load,
  );
  return {
    look: (image) => look(image),
    parameters,
    statistics: statistics.tensors,
    state: { ...optimizer.state, ...statistics.tensors, ...vectors.tensors },
    async learn(real, fake) {
      const feeds = { real, fake, ...parameters, ...statistics.tensors };
      const values = await program.run(feeds, optimizer.gradients);
      statistics.update(values);
      return values;
    },
    async step(iteration) {
      await statistics.average(communicator);
      await optimizer.addUp();
      const rate = rateAt(settings.optimizer, iteration);
      const report = await optimizer.step(iteration - settings.from + 1, rate);
      vectors.follow(optimizer.parameters);
      return report;
    },
    async release() {
      await program.release();
      await optimizer.release();
    },
  };
}

/**
 * @returns [B·boxes, 3, h, w], or the image where it is judged as a whole
 * @throws {RangeError} if the boxes differ in size, are empty, or reach beyond the image
 */
function judgedParts(image: Value, { boxes }: AdversarialSettings): Value {
  if (!boxes) return image;
  const parts = boxes.map((box) => cutBox(image, box));
  const [, , height, width] = parts[0]!.shape;
  if (!parts.every(({ shape }) => shape[2] === height && shape[3] === width))
    throw new RangeError(
      `Cannot judge parts of different sizes: ${parts.map(({ shape }) => `${shape[3]}×${shape[2]}`).join(', ')} pixels`,
    );
  return concat(parts, 0);
}
