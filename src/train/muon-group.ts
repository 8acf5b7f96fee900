/** Muon over matrices, with one small graph for each of their sizes. */
import { emitModel, noParameters, type OnnxModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { Shape } from '../graph/value.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { elementCount, formatShape, hostTensor } from '../tensor/host-tensor.ts';
import type { Communicator } from './communicator.ts';
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
  const directions = new Map<string, Session>();
  for (const name of own) {
    const size = matrixShape(shapes.get(name)!);
    if (!directions.has(formatShape(size)))
      directions.set(formatShape(size), await runtime.createSession(directionModel(size)));
  }

  // The array of gradients holds the means, then the directions that they give.
  const makeDirections = async (): Promise<void> => {
    for (const [name, { data }] of Object.entries(gradient.tensors)) {
      const matrix = hostTensor(matrixShape(shapes.get(name)!), data);
      if (own.has(name))
        await directions.get(formatShape(matrix.shape))!.run({ ahead: matrix }, { direction: matrix });
      else data.fill(0);
    }
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
      for (const session of directions.values()) await session.release();
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

function directionModel(size: Shape): OnnxModel {
  return emitModel('muon', { direction: muonDirection(input('ahead', size)) }, noParameters);
}
