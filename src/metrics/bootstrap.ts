/** Confidence of a mean, by drawing the scores again (Efron 1979). */
import { RandomStream } from '../random/random-stream.ts';
import { quantile } from './evaluation.ts';

export interface MeanInterval {
  readonly mean: number;
  /** The mean of so many of the resamples of a hundred lies between: 95. */
  readonly low: number;
  readonly high: number;
}

const resamples = 1000;

/**
 * The mean of scores and its 95 % interval over 1,000 resamples, the same at every call; of one score the score itself.
 * @throws {RangeError} if there is no score
 */
export function meanInterval(scores: readonly number[]): MeanInterval {
  if (scores.length === 0) throw new RangeError('Cannot take the mean of no score');
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  if (scores.length === 1 || !Number.isFinite(mean)) return { mean, low: mean, high: mean };
  const stream = new RandomStream(0, [scores.length]);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < scores.length; i++) sum += scores[stream.integer(scores.length)]!;
    return sum / scores.length;
  });
  return { mean, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}
