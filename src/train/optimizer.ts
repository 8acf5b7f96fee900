/** Adam over flat arrays, piece by piece and in place, as one small graph. */
import { emitModel } from '../graph/onnx/emit-model.ts';
import { add, input, mul, reduceSum, sub } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import type { Runtime, Session, Tensors } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { type AdamConfig, adamRates, adamStep } from './adam.ts';
import type { Communicator } from './communicator.ts';
import { flatTensors } from './parameter-memory.ts';

export interface OptimizerConfig extends AdamConfig {
  /** Gradients longer than this, all together, are shortened to it. */
  readonly maxGradientNorm?: number | undefined;
  /** Decay of the running average of the parameters; none is kept unless given. */
  readonly averageDecay?: number | undefined;
}

interface StepReport {
  /** Euclidean norm over all gradients, before clipping. */
  readonly gradientNorm: number;
}

/** Trained parameters with their gradients, moments and averages. */
export interface Optimizer {
  /** Views by parameter name; `gradients` accumulate until a step. */
  readonly parameters: Tensors;
  readonly gradients: Tensors;
  /** The exponential moving averages, or the parameters themselves where none are kept. */
  readonly averages: Tensors;
  /** Everything that a resumed run needs, to be saved and filled in place. */
  readonly state: Readonly<Record<string, HostTensor>>;
  /** Adds up the gradients of all trainers, for all to take the same step. */
  addUp(communicator: Communicator): Promise<void>;
  /**
   * Updates parameters, moments and averages, and clears the gradients.
   * @param step counts from 1
   * @throws {NonFiniteError} before anything is changed, if a gradient is not finite
   */
  step(step: number, learningRate: number): Promise<StepReport>;
  release(): Promise<void>;
}

/** Elements a run: the arrays of one run stay in the processor's cache. */
const piece = 2 ** 18;

/**
 * Adam, or AdamW where weights decay (Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101).
 * @param shapes of the trained parameters, by name; all start as zeros, to be filled in place
 */
export async function createOptimizer(
  runtime: Runtime,
  shapes: ReadonlyMap<string, Shape>,
  config: OptimizerConfig,
): Promise<Optimizer> {
  const flat = () => flatTensors(shapes, piece);
  const parameter = flat();
  const gradient = flat();
  const mean = flat();
  const square = flat();
  const average = config.averageDecay === undefined ? undefined : flat();
  const arrays: Record<string, Float32Array> = {
    parameter: parameter.data,
    mean: mean.data,
    square: square.data,
    ...(average && { average: average.data }),
  };
  const update = await runtime.createSession(emitModel('optimizer', updateGraph(config), unbound));
  const norm = await runtime.createSession(emitModel('gradient-norm', normGraph(), unbound));
  const pieceOf = (data: Float32Array, start: number): HostTensor =>
    hostTensor([piece], data.subarray(start, start + piece));

  return {
    parameters: parameter.tensors,
    gradients: gradient.tensors,
    averages: (average ?? parameter).tensors,
    state: Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, hostTensor([data.length], data)]),
    ),
    addUp: (communicator) => communicator.sum(gradient.data),
    async step(step, learningRate) {
      const gradientNorm = await globalNorm(norm, gradient.data, pieceOf);
      const { maxGradientNorm = Number.POSITIVE_INFINITY } = config;
      const rates = adamRates(learningRate, config, step);
      const feeds: Tensors = {
        learningRate: hostScalar(rates.learningRate),
        meanCorrection: hostScalar(rates.meanCorrection),
        squareCorrection: hostScalar(rates.squareCorrection),
        clip: hostScalar(Math.min(1, maxGradientNorm / Math.max(gradientNorm, Number.MIN_VALUE))),
      };
      for (let start = 0; start < gradient.data.length; start += piece) {
        const pieces = Object.fromEntries(
          Object.entries(arrays).map(([name, data]) => [name, pieceOf(data, start)]),
        );
        const outputs = Object.fromEntries(
          Object.entries(pieces).map(([name, tensor]) => [`new_${name}`, tensor]),
        );
        await update.run({ ...feeds, ...pieces, gradient: pieceOf(gradient.data, start) }, outputs);
      }
      gradient.data.fill(0);
      return { gradientNorm };
    },
    async release() {
      await update.release();
      await norm.release();
    },
  };
}

function updateGraph(config: OptimizerConfig): Record<string, Value> {
  const flat = (name: string): Value => input(name, [piece]);
  const fed = (name: string): Value => input(name, []);
  const gradient = mul(flat('gradient'), fed('clip'));
  const state = { parameter: flat('parameter'), mean: flat('mean'), square: flat('square') };
  const rates = {
    learningRate: fed('learningRate'),
    meanCorrection: fed('meanCorrection'),
    squareCorrection: fed('squareCorrection'),
  };
  const stepped = adamStep(state, gradient, rates, config);
  const outputs: Record<string, Value> = {
    new_parameter: stepped.parameter,
    new_mean: stepped.mean,
    new_square: stepped.square,
  };
  if (config.averageDecay !== undefined) {
    const average = flat('average');
    outputs['new_average'] = add(average, mul(sub(stepped.parameter, average), 1 - config.averageDecay));
  }
  return outputs;
}

function normGraph(): Record<string, Value> {
  const gradient = input('gradient', [piece]);
  return { squares: reduceSum(mul(gradient, gradient)) };
}

async function globalNorm(
  session: Session,
  data: Float32Array,
  pieceOf: (data: Float32Array, start: number) => HostTensor,
): Promise<number> {
  let squares = 0;
  for (let start = 0; start < data.length; start += piece) {
    const results = await session.run({ gradient: pieceOf(data, start) });
    squares += results['squares']!.data[0]!;
  }
  return Math.sqrt(squares);
}

const hostScalar = (value: number): HostTensor => hostTensor([], Float32Array.of(value));

function unbound(name: string): never {
  throw new TypeError(`The optimiser has no parameter ${name}`);
}
