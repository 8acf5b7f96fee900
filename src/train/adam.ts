import { add, div, mul, sqrt, sub } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** What Adam's step takes; numbers, or values that are fed. */
interface AdamRates {
  readonly learningRate: Value | number;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ for step t, which counts from 1. */
  readonly meanCorrection: Value | number;
  readonly squareCorrection: Value | number;
}

export interface AdamConfig {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Decoupled from the gradient: AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101); 0 for Adam. */
  readonly weightDecay: number;
}

/** A parameter and its running moments, all of one shape. */
interface AdamState {
  readonly parameter: Value;
  /** Running mean of the gradient. */
  readonly mean: Value;
  /** Running mean of its square. */
  readonly square: Value;
}

/** @param step counts from 1 */
export function adamRates(
  learningRate: number,
  { betas }: AdamConfig,
  step: number,
): { [K in keyof AdamRates]: number } {
  return {
    learningRate,
    meanCorrection: 1 - betas[0] ** step,
    squareCorrection: 1 - betas[1] ** step,
  };
}

/** One step of Adam (Kingma & Ba 2015, arXiv:1412.6980). */
export function adamStep(
  { parameter, mean, square }: AdamState,
  gradient: Value,
  { learningRate, meanCorrection, squareCorrection }: AdamRates,
  { betas: [beta1, beta2], epsilon, weightDecay }: AdamConfig,
): AdamState {
  const newMean = add(mul(mean, beta1), mul(gradient, 1 - beta1));
  const newSquare = add(mul(square, beta2), mul(mul(gradient, gradient), 1 - beta2));
  const denominator = add(sqrt(div(newSquare, squareCorrection)), epsilon);
  const direction = div(div(newMean, meanCorrection), denominator);
  const decayed = weightDecay === 0 ? direction : add(direction, mul(parameter, weightDecay));
  return { parameter: sub(parameter, mul(decayed, learningRate)), mean: newMean, square: newSquare };
}
