/** Adam over flat arrays, in place. */
import type { Shape } from '../graph/value.ts';
import { adamStep } from './adam.ts';
import { followAverage, type GroupConfig, type ParameterGroup, piece } from './parameter-group.ts';
import { flatTensors } from './parameter-memory.ts';

/** @param shapes of the parameters, by name; all start as zeros */
export function createAdamGroup(shapes: ReadonlyMap<string, Shape>, config: GroupConfig): ParameterGroup {
  const flat = () => flatTensors(shapes, piece);
  const [parameter, gradient, mean, square] = [flat(), flat(), flat(), flat()];
  const average = config.averageDecay === undefined ? undefined : flat();
  const state = { parameter: parameter.data, mean: mean.data, square: square.data };
  return {
    parameters: parameter.tensors,
    gradients: gradient.tensors,
    averages: (average ?? parameter).tensors,
    arrays: { ...state, ...(average && { average: average.data }) },
    gradientData: gradient.data,
    async update(step, learningRate, clip) {
      adamStep(state, gradient.data, clip, learningRate, step, config);
      if (average) followAverage(average.data, parameter.data, config.averageDecay!);
    },
    release: async () => {},
  };
}
