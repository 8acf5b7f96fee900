import { expect, it } from 'vitest';
import { schedulerConfigSchema } from '../../../diffusion/lcm-schedule.ts';
import { RandomStream } from '../../../random/random-stream.ts';
import { hostTensor } from '../../../tensor/host-tensor.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { analyseStates } from './analyse-states.ts';
import { loadStateFeatures } from './state-features.ts';
import type { SampledStates } from './state-source.ts';

const shape = [1, 2, 8, 8];
const pixels = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) } as const;

/** Latents whose mean is the step's number; photos are like those of step 2. */
async function* samples(count: number): AsyncGenerator<SampledStates> {
  for (let i = 0; i < count; i++) {
    const latent = (mean: number, stream: number) =>
      hostTensor(
        shape,
        new RandomStream(3, [i, stream]).fillNormal(new Float32Array(128)).map((x) => mean + 0.1 * x),
      );
    yield {
      clean: [latent(1, 1), latent(2, 2), latent(3, 3)],
      photo: latent(2, 4),
      photoPixels: pixels,
      decode: async () => pixels,
    };
  }
}

it('finds the step whose states the pictures are like, with noise and without', async () => {
  const { describe } = await loadStateFeatures(
    'latent',
    [],
    await createNodeRuntime({ threads: 1 }),
    () => {},
  );
  const settings = { scheduler: schedulerConfigSchema.parse({}), steps: 3, seed: 5 };
  const { pictures, sets, distances } = await analyseStates(samples(24), describe, settings);
  expect(pictures).toBe(24);
  // Without noise photos and three steps; with noise both after steps 1 and 2.
  expect(sets.map(({ kind, step, timestep }) => [kind, step, timestep])).toEqual([
    ['photo', 0, undefined],
    ['state', 1, undefined],
    ['state', 1, 679],
    ['photo', 1, 679],
    ['state', 2, undefined],
    ['state', 2, 339],
    ['photo', 2, 339],
    ['state', 3, undefined],
  ]);
  const [first, second] = distances as [(typeof distances)[0], (typeof distances)[0]];
  // 128 numbers that differ by one each.
  expect(first.clean).toBeGreaterThan(100);
  expect(second.clean).toBeLessThan(5);
  expect(second.clean).toBeLessThan(2 * second.cleanFloor);
  // Noise takes differences away, and gives sets this small a distance of their own.
  expect(first.noised / first.noisedFloor).toBeLessThan(first.clean / first.cleanFloor);
  expect(second.noised).toBeLessThan(2 * second.noisedFloor);
});

it('refuses too few pictures', async () => {
  const { describe } = await loadStateFeatures(
    'latent',
    [],
    await createNodeRuntime({ threads: 1 }),
    () => {},
  );
  const settings = { scheduler: schedulerConfigSchema.parse({}), steps: 3, seed: 5 };
  await expect(analyseStates(samples(3), describe, settings)).rejects.toThrow(/four are the fewest/);
});
