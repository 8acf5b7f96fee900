import { z } from 'zod';

const positive = z.number().positive();

/** How the learning rate goes over the iterations; rates are absolute. */
export const scheduleSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('constant') }),
  z.strictObject({
    type: z.literal('cosine-restart'),
    /** Iterations of each cycle. */
    periods: z.array(z.number().int().positive()).min(1),
    /** Part of the rate that each cycle starts with. */
    restartWeights: z.array(positive).min(1).default([1]),
    minimum: z.number().nonnegative(),
  }),
]);
export type Schedule = z.infer<typeof scheduleSchema>;

interface RateSettings {
  /** The highest rate. */
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly warmupIterations: number;
}

/**
 * The rate of an iteration, which counts from 1. The last cosine cycle stays at its end.
 * @see Loshchilov & Hutter 2017, arXiv:1608.03983
 */
export function rateAt(
  { learningRate, schedule, warmupIterations }: RateSettings,
  iteration: number,
): number {
  const warmup = Math.min(1, iteration / (warmupIterations + 1));
  if (schedule.type === 'constant') return learningRate * warmup;
  const { periods, restartWeights, minimum } = schedule;
  let done = iteration - 1;
  let cycle = 0;
  while (cycle + 1 < periods.length && done >= periods[cycle]!) done -= periods[cycle++]!;
  const period = periods[cycle]!;
  const weight = restartWeights[Math.min(cycle, restartWeights.length - 1)]!;
  const cosine = 0.5 * (1 + Math.cos((Math.PI * Math.min(done, period)) / period));
  return warmup * (minimum + weight * (learningRate - minimum) * cosine);
}
