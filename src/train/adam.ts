import { add, div, mul, sqrt, sub } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

export interface AdamConfig {
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
}

/** A parameter and its running moments, all of one shape. */
export interface AdamState {
  readonly parameter: Value;
  /** Running mean of the gradient. */
  readonly mean: Value;
  /** Running mean of its square. */
  readonly square: Value;
}

/**
 * One step of Adam (Kingma & Ba 2015, arXiv:1412.6980).
 * @param step counts from 1
 */
export function adamStep(
  { parameter, mean, square }: AdamState,
  gradient: Value,
  step: number,
  { learningRate, betas: [beta1, beta2], epsilon }: AdamConfig,
): AdamState {
  const newMean = add(mul(mean, beta1), mul(gradient, 1 - beta1));
  const newSquare = add(mul(square, beta2), mul(mul(gradient, gradient), 1 - beta2));
  const denominator = add(mul(sqrt(newSquare), 1 / Math.sqrt(1 - beta2 ** step)), epsilon);
  const update = mul(div(newMean, denominator), learningRate / (1 - beta1 ** step));
  return { parameter: sub(parameter, update), mean: newMean, square: newSquare };
}
