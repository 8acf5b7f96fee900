import { describe, expect, it } from 'vitest';
import {
  addNoise,
  alphasCumprod,
  cleanLatent,
  denoise,
  lcmTimesteps,
  noisyLatent,
  schedulerConfigSchema,
  stepScalings,
} from '../diffusion/lcm-schedule.ts';
import { gradients } from '../graph/gradient/gradient.ts';
import { input, reduceSum } from '../graph/ops.ts';
import { evaluate } from '../graph/reference-ops.test-support.ts';
import type { Value } from '../graph/value.ts';
import { RandomStream } from '../random/random-stream.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { ofValues } from './sampler-graph.ts';

const shape = [4];
const [noisy, prediction] = [input('noisy', shape), input('prediction', shape)];
const leaves = new Map([
  ['noisy', hostTensor(shape, Float32Array.of(1.5, -0.2, 0.7, 3))],
  ['prediction', hostTensor(shape, Float32Array.of(0.3, -1.1, 0.2, -2))],
]);
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));

describe('one step of the sampler as a graph', () => {
  // By NumPy, as in the schedule's own test.
  it.each([
    [{}, [1.6319932, 0.5449434, 0.71843404, 5.134373]],
    [{ clip_sample: true }, [1, 0.54494337, 0.71843405, 1]],
    [{ clip_sample: true, clip_sample_range: 0.5 }, [0.5, 0.5, 0.5, 0.5]],
  ])('clamps as the schedule %o says, in value and gradient', (settings, expected) => {
    const schedule = schedulerConfigSchema.parse(settings);
    const scalings = stepScalings(schedule, alphasCumprod(schedule), 259);
    const value = cleanLatent(ofValues, noisy, prediction, scalings);
    expect([...evaluate(value, leaves).data]).toEqual(close(expected));
    const [slope] = gradients(reduceSum(value), [prediction]);
    const unclamped = expected.map((x) => Math.abs(x) < scalings.range - 1e-4);
    const free = scalings.out * scalings.fromPrediction;
    expect([...evaluate(slope!, leaves).data]).toEqual(close(unclamped.map((is) => (is ? free : 0))));
  });
});

describe('the steps of the sampler, on arrays and as a graph', () => {
  const predictions = ['epsilon', 'sample', 'v_prediction', 'refinement'] as const;
  const cases = predictions.flatMap((prediction_type) =>
    [false, true].flatMap((clip_sample) =>
      [1, 2, 4, 8].flatMap((steps) =>
        [1, 2, steps]
          .filter((start, i, all) => start <= steps && all.indexOf(start) === i)
          .filter((start) => prediction_type !== 'refinement' || start > 1)
          .map((startStep) => ({ prediction_type, clip_sample, steps, startStep })),
      ),
    ),
  );

  it.each(cases)('are the same: %o', ({ steps, startStep, ...settings }) => {
    const schedule = schedulerConfigSchema.parse(settings);
    const alphas = alphasCumprod(schedule);
    const stream = new RandomStream(7);
    const draw = () => stream.fillNormal(new Float32Array(32));
    const values = new Map<string, Float32Array>();
    const named = (name: string): { array: Float32Array; value: Value } => {
      const array = draw();
      values.set(name, array);
      return { array, value: input(name, [32]) };
    };
    const latent = named('latent');
    let onArrays = startStep === 1 ? undefined : latent.array;
    let asGraph = startStep === 1 ? undefined : latent.value;
    for (const [k, t] of lcmTimesteps(schedule, steps)
      .slice(startStep - 1)
      .entries()) {
      const scalings = stepScalings(schedule, alphas, t);
      const [noise, predicted] = [named(`noise${k}`), named(`prediction${k}`)];
      const noisyArray = onArrays ? addNoise(onArrays, noise.array, scalings) : noise.array;
      const noisyValue = asGraph ? noisyLatent(ofValues, asGraph, noise.value, scalings) : noise.value;
      onArrays = denoise(noisyArray, predicted.array, scalings, onArrays);
      asGraph = cleanLatent(ofValues, noisyValue, predicted.value, scalings, asGraph);
    }
    const feeds = new Map([...values].map(([name, array]) => [name, hostTensor([32], array)]));
    const graph = evaluate(asGraph!, feeds).data;
    // Each step rounds to float32; at t = 999 what was rounded is divided by √ᾱ = 0.068.
    for (const [i, expected] of onArrays!.entries())
      expect(Math.abs(graph[i]! - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
  });
});
