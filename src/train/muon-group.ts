/** Muon over matrices, one small graph for each of their sizes, in place. */
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input, mul } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { elementCount, formatShape, hostScalar, hostTensor } from '../tensor/host-tensor.ts';
import { type MuonConfig, muonStep } from './muon.ts';
import { averaged, type GroupConfig, type ParameterGroup, piece, unbound } from './parameter-group.ts';
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

/** @param shapes of matrices, by name; all start as zeros */
export async function createMuonGroup(
  runtime: Runtime,
  shapes: ReadonlyMap<string, Shape>,
  config: GroupConfig & MuonConfig,
): Promise<ParameterGroup> {
  const flat = () => flatTensors(shapes, piece);
  const [parameter, gradient, mean] = [flat(), flat(), flat()];
  const average = config.averageDecay === undefined ? undefined : flat();
  const changed = { parameter, mean, ...(average && { average }) };
  const sessions = new Map<string, Session>();
  for (const shape of shapes.values()) {
    const size = matrixShape(shape);
    const key = formatShape(size);
    if (!sessions.has(key))
      sessions.set(key, await runtime.createSession(emitModel('muon', updateGraph(size, config), unbound)));
  }
  return {
    parameters: parameter.tensors,
    gradients: gradient.tensors,
    averages: (average ?? parameter).tensors,
    arrays: Object.fromEntries(Object.entries(changed).map(([name, { data }]) => [`matrix_${name}`, data])),
    gradientData: gradient.data,
    async update(_, learningRate, clip) {
      const feeds = { learningRate: hostScalar(learningRate), clip: hostScalar(clip) };
      for (const [name, shape] of shapes) {
        const size = matrixShape(shape);
        const views = Object.entries(changed).map(
          ([key, { tensors }]) => [key, hostTensor(size, tensors[name]!.data)] as const,
        );
        const outputs = Object.fromEntries(views.map(([key, view]) => [`new_${key}`, view]));
        const own = {
          ...Object.fromEntries(views),
          gradient: hostTensor(size, gradient.tensors[name]!.data),
        };
        await sessions.get(formatShape(size))!.run({ ...feeds, ...own }, outputs);
      }
    },
    async release() {
      for (const session of sessions.values()) await session.release();
    },
  };
}

function updateGraph(size: Shape, config: GroupConfig & MuonConfig): Record<string, Value> {
  const gradient = mul(input('gradient', size), input('clip', []));
  const state = { parameter: input('parameter', size), mean: input('mean', size) };
  const { parameter, mean } = muonStep(state, gradient, input('learningRate', []), config);
  return { new_parameter: parameter, new_mean: mean, ...averaged(parameter, config) };
}
