/** Which state of a latent consistency model a low-quality picture is closest to: InterLCM's figure 4. */
import {
  addNoise,
  alphasCumprod,
  lcmTimesteps,
  type SchedulerConfig,
  stepScalings,
} from '../../../diffusion/lcm-schedule.ts';
import { statisticsOf } from '../../../metrics/feature-statistics.ts';
import { frechetDistance } from '../../../metrics/frechet.ts';
import { RandomStream } from '../../../random/random-stream.ts';
import { type HostTensor, hostTensor } from '../../../tensor/host-tensor.ts';
import type { DescribeState } from './state-features.ts';
import type { SampledStates } from './state-source.ts';

/** One kind of picture at one noise level, described. */
export interface DescribedSet {
  readonly kind: 'state' | 'photo';
  /** The step that left the states; of photos the step that they would stand in for. */
  readonly step: number;
  /** The timestep that noise was added for; undefined without noise. */
  readonly timestep?: number;
  readonly vectors: readonly Float32Array[];
}

/** How far low-quality pictures are from what a step leaves. */
export interface StepDistance {
  /** The step that was left. */
  readonly step: number;
  /** Of the next step, which noise is added for. */
  readonly timestep: number;
  /** Fréchet distances, without noise and with the next step's. */
  readonly clean: number;
  readonly noised: number;
  /** The same of one half of the states to the other: what sets have of themselves, and more of it the fewer they are. */
  readonly cleanFloor: number;
  readonly noisedFloor: number;
}

export interface StatesAnalysis {
  readonly pictures: number;
  readonly sets: readonly DescribedSet[];
  readonly distances: readonly StepDistance[];
}

/**
 * @param samples a picture's states and the picture itself, one after another
 * @throws {RangeError} for fewer than four pictures
 */
export async function analyseStates(
  samples: AsyncIterable<SampledStates>,
  describe: DescribeState,
  {
    scheduler,
    steps,
    seed,
  }: { readonly scheduler: SchedulerConfig; readonly steps: number; readonly seed: number },
): Promise<StatesAnalysis> {
  const timesteps = lcmTimesteps(scheduler, steps);
  const alphas = alphasCumprod(scheduler);
  const sets = new Map<string, { set: Omit<DescribedSet, 'vectors'>; vectors: Float32Array[] }>();
  const add = (set: Omit<DescribedSet, 'vectors'>, vector: Float32Array): void => {
    const key = JSON.stringify(set);
    const known = sets.get(key) ?? { set, vectors: [] };
    known.vectors.push(vector);
    sets.set(key, known);
  };
  let count = 0;
  for await (const { clean, photo, photoPixels, decode } of samples) {
    const noised = (latent: HostTensor, step: number, stream: number): HostTensor => {
      const noise = new RandomStream(seed, [count, step, stream]).fillNormal(
        new Float32Array(latent.data.length),
      );
      const scalings = stepScalings(scheduler, alphas, timesteps[step]!);
      return hostTensor(latent.shape, addNoise(latent.data, noise, scalings));
    };
    add({ kind: 'photo', step: 0 }, await describe({ latent: photo, pixels: async () => photoPixels }));
    for (const [i, latent] of clean.entries()) {
      const step = i + 1;
      add({ kind: 'state', step }, await describe({ latent, pixels: () => decode(latent) }));
      const timestep = timesteps[step];
      if (timestep === undefined) continue;
      for (const [stream, [kind, own]] of (
        [
          ['state', latent],
          ['photo', photo],
        ] as const
      ).entries()) {
        const noisy = noised(own, step, stream);
        add({ kind, step, timestep }, await describe({ latent: noisy, pixels: () => decode(noisy) }));
      }
    }
    count++;
  }
  if (count < 4) throw new RangeError(`Cannot compare the states of ${count} pictures: four are the fewest`);
  const described = [...sets.values()].map(({ set, vectors }) => ({ ...set, vectors }));
  const find = (kind: DescribedSet['kind'], step: number, timestep?: number): readonly Float32Array[] =>
    described.find((set) => set.kind === kind && set.step === step && set.timestep === timestep)!.vectors;
  const distances = timesteps.slice(1).map((timestep, i) => {
    const step = i + 1;
    const [states, noisedStates] = [find('state', step), find('state', step, timestep)];
    return {
      step,
      timestep,
      clean: distanceOf(states, find('photo', 0)),
      noised: distanceOf(noisedStates, find('photo', step, timestep)),
      cleanFloor: distanceOfHalves(states),
      noisedFloor: distanceOfHalves(noisedStates),
    };
  });
  return { pictures: count, sets: described, distances };
}

function distanceOfHalves(vectors: readonly Float32Array[]): number {
  const half = (rest: number) => vectors.filter((_, n) => n % 2 === rest);
  return distanceOf(half(0), half(1));
}

function distanceOf(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return frechetDistance(statisticsOf(a), statisticsOf(b));
}
