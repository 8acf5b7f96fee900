/** Adam over flat arrays, piece by piece and in place, as one small graph. */
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input, mul } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type HostTensor, hostScalar, hostTensor } from '../tensor/host-tensor.ts';
import { adamRates, adamStep } from './adam.ts';
import { averaged, type GroupConfig, type ParameterGroup, piece, unbound } from './parameter-group.ts';
import { flatTensors } from './parameter-memory.ts';

/** @param shapes of the parameters, by name; all start as zeros */
export async function createAdamGroup(
  runtime: Runtime,
  shapes: ReadonlyMap<string, Shape>,
  config: GroupConfig,
): Promise<ParameterGroup> {
  const flat = () => flatTensors(shapes, piece);
  const [parameter, gradient, mean, square] = [flat(), flat(), flat(), flat()];
  const average = config.averageDecay === undefined ? undefined : flat();
  const arrays: Record<string, Float32Array> = {
    parameter: parameter.data,
    mean: mean.data,
    square: square.data,
    ...(average && { average: average.data }),
  };
  const session = await runtime.createSession(emitModel('optimizer', updateGraph(config), unbound));
  const pieceOf = (data: Float32Array, start: number): HostTensor =>
    hostTensor([piece], data.subarray(start, start + piece));
  return {
    parameters: parameter.tensors,
    gradients: gradient.tensors,
    averages: (average ?? parameter).tensors,
    arrays,
    gradientData: gradient.data,
    async update(step, learningRate, clip) {
      const rates = adamRates(learningRate, config, step);
      const feeds = {
        learningRate: hostScalar(rates.learningRate),
        meanCorrection: hostScalar(rates.meanCorrection),
        squareCorrection: hostScalar(rates.squareCorrection),
        clip: hostScalar(clip),
      };
      for (let start = 0; start < gradient.data.length; start += piece) {
        const pieces = Object.fromEntries(
          Object.entries(arrays).map(([name, data]) => [name, pieceOf(data, start)]),
        );
        const outputs = Object.fromEntries(
          Object.entries(pieces).map(([name, tensor]) => [`new_${name}`, tensor]),
        );
        await session.run({ ...feeds, ...pieces, gradient: pieceOf(gradient.data, start) }, outputs);
      }
    },
    release: () => session.release(),
  };
}

function updateGraph(config: GroupConfig): Record<string, Value> {
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
  return {
    new_parameter: stepped.parameter,
    new_mean: stepped.mean,
    new_square: stepped.square,
    ...averaged(stepped.parameter, config),
  };
}
