/** Trained parameters with their gradients: matrices by Muon where it is asked for, all others by Adam. */
import { emitModel, noParameters } from '../graph/onnx/emit-model.ts';
import { input, mul, reduceSum } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import type { Runtime, Session, Tensors } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { createAdamGroup } from './adam-group.ts';
import { alone, type Communicator } from './communicator.ts';
import type { MuonConfig } from './muon.ts';
import { createMuonGroup, suitsMuon } from './muon-group.ts';
import { type GroupConfig, type ParameterGroup, piece } from './parameter-group.ts';

export interface OptimizerConfig extends GroupConfig {
  /** Gradients longer than this, all together, are shortened to it. */
  readonly maxGradientNorm?: number | undefined;
  /** Matrices take Muon's steps; all Adam's unless given. */
  readonly muon?: MuonConfig | undefined;
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
  addUp(): Promise<void>;
  /**
   * Updates parameters, moments and averages, and clears the gradients.
   * @param step counts from 1
   * @throws {NonFiniteError} before anything is changed, if a gradient is not finite
   */
  step(step: number, learningRate: number): Promise<StepReport>;
  release(): Promise<void>;
}

/**
 * Adam, or AdamW where weights decay (Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101),
 * and Muon for matrices where `config.muon` says so.
 * @param shapes of the trained parameters, by name; all start as zeros, to be filled in place
 * @param communicator of the trainers that share every batch
 */
export async function createOptimizer(
  runtime: Runtime,
  shapes: ReadonlyMap<string, Shape>,
  config: OptimizerConfig,
  communicator: Communicator = alone,
): Promise<Optimizer> {
  const { muon, maxGradientNorm = Number.POSITIVE_INFINITY } = config;
  const isMatrix = ([name, shape]: [string, Shape]): boolean => muon !== undefined && suitsMuon(name, shape);
  const matrices = new Map([...shapes].filter(isMatrix));
  const others = new Map([...shapes].filter((entry) => !isMatrix(entry)));
  const groups: ParameterGroup[] = [];
  if (others.size > 0) groups.push(createAdamGroup(others, config));
  if (muon && matrices.size > 0)
    groups.push(await createMuonGroup(runtime, matrices, { ...config, ...muon }, communicator));
  const norm = await runtime.createSession(emitModel('gradient-norm', normGraph(), noParameters));
  const joined = (key: 'parameters' | 'gradients' | 'averages'): Tensors =>
    Object.assign({}, ...groups.map((group) => group[key]));

  return {
    parameters: joined('parameters'),
    gradients: joined('gradients'),
    averages: joined('averages'),
    state: Object.fromEntries(
      groups.flatMap(({ arrays }) =>
        Object.entries(arrays).map(([name, data]) => [name, hostTensor([data.length], data)]),
      ),
    ),
    async addUp() {
      for (const { gradientData } of groups) await communicator.sum(gradientData);
    },
    async step(step, learningRate) {
      let squares = 0;
      for (const { gradientData } of groups) squares += await sumOfSquares(norm, gradientData);
      const gradientNorm = Math.sqrt(squares);
      const clip = Math.min(1, maxGradientNorm / Math.max(gradientNorm, Number.MIN_VALUE));
      for (const group of groups) {
        await group.update(step, learningRate, clip);
        group.gradientData.fill(0);
      }
      return { gradientNorm };
    },
    async release() {
      for (const group of groups) await group.release();
      await norm.release();
    },
  };
}

function normGraph(): Record<string, Value> {
  const gradient = input('gradient', [piece]);
  return { squares: reduceSum(mul(gradient, gradient)) };
}

async function sumOfSquares(session: Session, data: Float32Array): Promise<number> {
  let squares = 0;
  for (let start = 0; start < data.length; start += piece) {
    const gradient = hostTensor([piece], data.subarray(start, start + piece));
    squares += (await session.run({ gradient }))['squares']!.data[0]!;
  }
  return squares;
}
