import { RandomStream } from '../random/random-stream.ts';
import { descend, neighbourProbabilities } from './tsne.ts';

export interface TsneOptions {
  /** About how many neighbours a point has; 30 unless given, less of few points. */
  readonly perplexity?: number;
  /** Of the map that the descent starts from; the same seed gives the same map. */
  readonly seed?: number;
}

const exaggeration = 12;
const [earlySteps, lateSteps] = [250, 750];

/**
 * A map of points in the plane by t-SNE, with scikit-learn's usual settings: 250 steps exaggerated twelvefold, 750 plain.
 * Works in memory of N² numbers: for up to a few thousand points.
 * @param points N vectors of one length
 * @returns [N, 2], row by row
 * @throws {RangeError} of fewer than four points, or for a perplexity that is not positive and below N
 */
export function tsneMap(
  points: readonly Float32Array[],
  { perplexity = 30, seed = 0 }: TsneOptions = {},
): Float64Array {
  const count = points.length;
  if (count < 4) throw new RangeError(`Cannot map ${count} points: four are the fewest`);
  const size = points[0]!.length;
  const rows = new Float32Array(count * size);
  for (const [i, point] of points.entries()) rows.set(point, i * size);
  const probabilities = neighbourProbabilities(rows, count, Math.min(perplexity, (count - 1) / 3));
  const start = new RandomStream(seed, [count]).fillNormal(new Float32Array(2 * count));
  const learningRate = Math.max(count / exaggeration / 4, 50);
  const early = descend(
    probabilities,
    Float64Array.from(start, (x) => 1e-4 * x),
    {
      steps: earlySteps,
      momentum: 0.5,
      learningRate,
      exaggeration,
    },
  );
  return descend(probabilities, early, { steps: lateSteps, momentum: 0.8, learningRate });
}
