/** What was measured of one set of pictures by named metrics. */
import { meanInterval } from './bootstrap.ts';
import { type MetricName, scoresThatCount } from './metric-table.ts';

export interface ScoredPicture {
  readonly name: string;
  readonly scores: Readonly<Partial<Record<MetricName, number>>>;
}

/** A metric over the set. */
export interface SetScore {
  readonly mean: number;
  /** 95 % interval by bootstrap; absent for distances of whole sets. */
  readonly low?: number;
  readonly high?: number;
  /** Pictures that counted. */
  readonly count: number;
}

export interface ScoredSet {
  readonly pictures: readonly ScoredPicture[];
  readonly metrics: Readonly<Partial<Record<MetricName, SetScore>>>;
}

/**
 * @param distances of whole sets, such as FID
 */
export function summarizeScores(
  pictures: readonly ScoredPicture[],
  names: readonly MetricName[],
  distances: ReadonlyMap<MetricName, number>,
): ScoredSet {
  const metrics: Partial<Record<MetricName, SetScore>> = {};
  for (const name of names) {
    const distance = distances.get(name);
    if (distance !== undefined) metrics[name] = { mean: distance, count: pictures.length };
    const scores = scoresThatCount(
      name,
      pictures.flatMap((picture) => picture.scores[name] ?? []),
    );
    if (scores.length > 0) metrics[name] = { ...meanInterval(scores), count: scores.length };
  }
  return { pictures, metrics };
}
