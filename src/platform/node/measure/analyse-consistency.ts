/** How much stays the same from step to step of a sampler: the right half of InterLCM's figure 1. */
import type { BytePixels } from '../../../image/pixels.ts';
import { type MeanInterval, meanInterval } from '../../../metrics/bootstrap.ts';
import type { PairMeasure } from './pair-measures.ts';
import type { SeriesSet } from './state-series.ts';

/** What each state is compared with: the series' last, or the one after it. */
export const comparisons = ['final', 'next'] as const;
export type Comparison = (typeof comparisons)[number];

/** One measure of one state. */
interface StateScore {
  readonly set: string;
  readonly picture: string;
  readonly step: number;
  readonly measure: string;
  readonly value: number;
}

/** The mean over a set's pictures at one step, and its 95 % interval. */
export interface StepMean extends MeanInterval {
  readonly set: string;
  readonly step: number;
  readonly measure: string;
  readonly count: number;
}

export interface ConsistencyAnalysis {
  readonly means: readonly StepMean[];
  readonly scores: readonly StateScore[];
}

/**
 * @param onPicture told before each series
 * @throws whatever a series cannot be read for; the signal's reason
 */
export async function analyseConsistency(
  sets: readonly SeriesSet[],
  measures: readonly PairMeasure[],
  {
    against,
    onPicture,
    signal,
  }: {
    readonly against: Comparison;
    readonly onPicture?: (done: number, total: number, name: string) => void;
    readonly signal?: AbortSignal;
  },
): Promise<ConsistencyAnalysis> {
  const total = sets.reduce((sum, { series }) => sum + series.length, 0);
  const scores: StateScore[] = [];
  let done = 0;
  for (const { label, steps, series } of sets)
    for (const { name, read } of series) {
      signal?.throwIfAborted();
      onPicture?.(done++, total, `${label}: ${name}`);
      const states = await read();
      requireOneSize(label, name, states);
      for (const [i, step] of steps.slice(0, -1).entries()) {
        const other = against === 'final' ? states.at(-1)! : states[i + 1]!;
        for (const measure of measures)
          scores.push({
            set: label,
            picture: name,
            step,
            measure: measure.name,
            value: await measure.compare(states[i]!, other),
          });
      }
    }
  const means = sets.flatMap(({ label, steps }) =>
    measures.flatMap(({ name }) =>
      steps.slice(0, -1).map((step) => {
        const values = scores
          .filter((score) => score.set === label && score.step === step && score.measure === name)
          .map(({ value }) => value);
        return { set: label, step, measure: name, count: values.length, ...meanInterval(values) };
      }),
    ),
  );
  return { means, scores };
}

function requireOneSize(label: string, name: string, states: readonly BytePixels[]): void {
  const { width, height } = states[0]!;
  const other = states.find((state) => state.width !== width || state.height !== height);
  if (other)
    throw new RangeError(
      `Cannot compare the states of ${name} in ${label}: one has ${width} × ${height} pixels, another ${other.width} × ${other.height}`,
    );
}
