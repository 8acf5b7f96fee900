/** Muon over matrices, with one small graph for all of a size. */
import { noParameters, type OnnxModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { Shape } from '../graph/value.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { elementCount, formatShape, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { Communicator } from './communicator.ts';
import { emitForDevice, needsPlainOperators } from './emission.ts';
import { type MuonConfig, muonDirection, muonMean, muonStep } from './muon.ts';
import { followAverage, type GroupConfig, type ParameterGroup, piece } from './parameter-group.ts';
import { flatTensors } from './parameter-memory.ts';

/** Smaller sides are better left to Adam. */
const minSide = 16;
/** Tables, outputs and linear maps beside a network: how large they are is part of what they say. */
const otherwise = /embedding|linear_shortcut|shortcut_out|conv_out/;

/** Whether a parameter is a matrix that Muon suits: the weight of a linear layer, or of a convolution. */
export function suitsMuon(name: string, shape: Shape): boolean {
  return shape.length >= 2 && matrixShape(shape).every((side) => side >= minSide) && !otherwise.test(name);
}

/** Output channels by what each is a sum over. */
const matrixShape = (shape: Shape): [number, number] => [shape[0]!, elementCount(shape.slice(1))];

/**
 * Trainers share the work: each makes the directions of its own matrices, the sum of all is what everyone steps along.
 * @param shapes of matrices, by name; all start as zeros
 */
export async function createMuonGroup(
  runtime: Runtime,
  shapes: ReadonlyMap<string, Shape>,
  config: GroupConfig & MuonConfig,
  communicator: Communicator,
): Promise<ParameterGroup> {
  const flat = () => flatTensors(shapes, piece);
  const [parameter, gradient, mean] = [flat(), flat(), flat()];
  const average = config.averageDecay === undefined ? undefined : flat();
  const own = new Set(shareMatrices(shapes, communicator.size)[communicator.rank]);
  const stacks: Stack[] = [];
  for (const names of bySize(shapes, own)) {
    const shape = [names.length, ...matrixShape(shapes.get(names[0]!)!)];
    const session = await runtime.createSession(directionModel(shape, runtime));
    stacks.push({ names, matrices: hostTensor(shape, new Float32Array(elementCount(shape))), session });
  }

  // The array of gradients holds the means, then the directions that they give.
  const makeDirections = async (): Promise<void> => {
    for (const { names, matrices, session } of stacks) {
      const length = elementCount(matrices.shape) / names.length;
      names.forEach((name, i) => {
        matrices.data.set(gradient.tensors[name]!.data, i * length);
      });
      await session.run({ ahead: matrices }, { direction: matrices });
      names.forEach((name, i) => {
        gradient.tensors[name]!.data.set(matrices.data.subarray(i * length, (i + 1) * length));
      });
    }
    for (const [name, { data }] of Object.entries(gradient.tensors)) if (!own.has(name)) data.fill(0);
    await communicator.sum(gradient.data);
  };
  return {
    parameters: parameter.tensors,
    gradients: gradient.tensors,
    averages: (average ?? parameter).tensors,
    arrays: {
      matrix_parameter: parameter.data,
      matrix_mean: mean.data,
      ...(average && { matrix_average: average.data }),
    },
    gradientData: gradient.data,
    async update(_, learningRate, clip) {
      muonMean(mean.data, gradient.data, clip, config);
      await makeDirections();
      muonStep(parameter.data, gradient.data, learningRate, config);
      if (average) followAverage(average.data, parameter.data, config.averageDecay!);
    },
    async release() {
      for (const { session } of stacks) await session.release();
    },
  };
}

/** Whose matrices each trainer's are: the costliest go first, each to who has the least to do. */
function shareMatrices(shapes: ReadonlyMap<string, Shape>, trainers: number): string[][] {
  const cost = ([a, b]: [number, number]): number => a * b * Math.min(a, b);
  const costs = [...shapes].map(([name, shape]) => ({ name, cost: cost(matrixShape(shape)) }));
  const shares = Array.from({ length: trainers }, () => ({ names: [] as string[], sum: 0 }));
  for (const { name, cost } of costs.sort((a, b) => b.cost - a.cost)) {
    const least = shares.reduce((best, share) => (share.sum < best.sum ? share : best));
    least.names.push(name);
    least.sum += cost;
  }
  return shares.map(({ names }) => names);
}

/** Matrices of one size, whose directions are made together: small products by themselves keep few cores busy. */
interface Stack {
  readonly names: readonly string[];
  /** [matrices, rows, columns] */
  readonly matrices: HostTensor;
  readonly session: Session;
}

/** The names of the matrices that are a trainer's own, those of one size together. */
function bySize(shapes: ReadonlyMap<string, Shape>, own: ReadonlySet<string>): Iterable<string[]> {
  const sizes = new Map<string, string[]>();
  for (const [name, shape] of shapes) {
    if (!own.has(name)) continue;
    const size = formatShape(matrixShape(shape));
    const alike = sizes.get(size);
    if (alike) alike.push(name);
    else sizes.set(size, [name]);
  }
  return sizes.values();
}

function directionModel(shape: Shape, runtime: Runtime): OnnxModel {
  const direction = muonDirection(input('ahead', shape));
  return emitForDevice('muon', { direction }, noParameters, { plainOperators: needsPlainOperators(runtime) });
}
