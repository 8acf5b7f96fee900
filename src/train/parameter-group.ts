/** Parameters that are updated by one rule. */
import type { Tensors } from '../runtime/runtime.ts';
import type { AdamConfig } from './adam.ts';

export interface GroupConfig extends AdamConfig {
  /** Decay of the running average of the parameters; none is kept unless given. */
  readonly averageDecay?: number | undefined;
}

export interface ParameterGroup {
  /** Views by parameter name. */
  readonly parameters: Tensors;
  readonly gradients: Tensors;
  /** The exponential moving averages, or the parameters themselves where none are kept. */
  readonly averages: Tensors;
  /** Everything that a resumed run needs; the parameters are among them. */
  readonly arrays: Readonly<Record<string, Float32Array>>;
  /** What {@link ParameterGroup.gradients} are views of; its length is a multiple of {@link piece}. */
  readonly gradientData: Float32Array;
  /**
   * Changes parameters, moments and averages.
   * @param step counts from 1
   * @param clip factor of the gradients, 0..1
   */
  update(step: number, learningRate: number, clip: number): Promise<void>;
  release(): Promise<void>;
}

/** Lengths of arrays are multiples of it: the sum of squares goes through them in pieces that fit the processor's cache. */
export const piece = 2 ** 18;

/** The exponential moving average after a step, in place. */
export function followAverage(average: Float32Array, parameter: Float32Array, decay: number): void {
  for (let i = 0; i < average.length; i++) average[i]! += (1 - decay) * (parameter[i]! - average[i]!);
}
