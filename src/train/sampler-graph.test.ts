import { describe, expect, it } from 'vitest';
import { alphasCumprod, schedulerConfigSchema, stepScalings } from '../diffusion/lcm-schedule.ts';
import { gradients } from '../graph/gradient/gradient.ts';
import { input, reduceSum } from '../graph/ops.ts';
import { evaluate } from '../graph/reference-ops.test-support.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { denoised } from './sampler-graph.ts';

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
    const value = denoised(noisy, prediction, scalings);
    expect([...evaluate(value, leaves).data]).toEqual(close(expected));
    const [slope] = gradients(reduceSum(value), [prediction]);
    const unclamped = expected.map((x) => Math.abs(x) < scalings.range - 1e-4);
    const free = scalings.out * scalings.fromPrediction;
    expect([...evaluate(slope!, leaves).data]).toEqual(close(unclamped.map((is) => (is ? free : 0))));
  });
});
