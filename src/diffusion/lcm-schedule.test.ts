import { describe, expect, it } from 'vitest';
import {
  addNoise,
  alphasCumprod,
  denoise,
  lcmTimesteps,
  requireStartStep,
  schedulerConfigSchema,
  stepScalings,
} from './lcm-schedule.ts';

const config = schedulerConfigSchema.parse({});
const alphas = alphasCumprod(config);

describe('schedulerConfigSchema', () => {
  it('fills in the latent consistency model, and passes over keys it does not know', () => {
    expect(schedulerConfigSchema.parse({ _class_name: 'LCMScheduler', steps_offset: 1 })).toEqual(config);
    expect(config).toMatchObject({
      num_train_timesteps: 1000,
      beta_start: 0.00085,
      beta_end: 0.012,
      beta_schedule: 'scaled_linear',
      original_inference_steps: 50,
      timestep_scaling: 10,
    });
  });

  it.each([
    { prediction_type: 'flow_prediction' },
    { beta_schedule: 'squaredcos_cap_v2' },
    { rescale_betas_zero_snr: true },
    { thresholding: true },
    { clip_sample_range: 0 },
    { num_train_timesteps: 0 },
    { beta_start: -1 },
    { beta_end: 1 },
    { num_train_timesteps: 40 }, // fewer than the 50 origin steps
  ])('refuses %o', (setting) => {
    expect(schedulerConfigSchema.safeParse(setting).success).toBe(false);
  });
});

describe('alphasCumprod', () => {
  it('spans the noise levels published for Stable Diffusion 1.5: σ from 0.0292 to 14.6146', () => {
    const sigma = (t: number): number => Math.sqrt((1 - alphas[t]!) / alphas[t]!);
    expect(alphas).toHaveLength(1000);
    expect(sigma(0)).toBeCloseTo(0.0292, 4);
    expect(sigma(999)).toBeCloseTo(14.6146, 3);
  });

  it('falls at every step', () => {
    expect(alphas.every((alpha, t) => t === 0 || alpha < alphas[t - 1]!)).toBe(true);
  });

  it('multiplies 1 − β: betas evenly spaced where linear, their roots where scaled', () => {
    const short = { num_train_timesteps: 3, original_inference_steps: 1, beta_start: 0.1, beta_end: 0.5 };
    const linear = alphasCumprod(schedulerConfigSchema.parse({ ...short, beta_schedule: 'linear' }));
    expect([...linear]).toEqual([0.9, 0.9 * 0.7, 0.9 * 0.7 * 0.5].map((v) => expect.closeTo(v, 6)));
    const middle = ((Math.sqrt(0.1) + Math.sqrt(0.5)) / 2) ** 2;
    const scaled = alphasCumprod(schedulerConfigSchema.parse(short));
    expect([...scaled]).toEqual(
      [0.9, 0.9 * (1 - middle), 0.9 * (1 - middle) * 0.5].map((v) => expect.closeTo(v, 6)),
    );
  });

  it('takes a single timestep', () => {
    const one = schedulerConfigSchema.parse({
      num_train_timesteps: 1,
      original_inference_steps: 1,
      beta_start: 0.25,
    });
    expect(alphasCumprod(one)[0]).toBeCloseTo(0.75, 6);
  });
});

describe('lcmTimesteps', () => {
  // Origin timesteps 999, 979, … 19, taken at ⌊i·50/steps⌋.
  it.each([
    [1, [999]],
    [2, [999, 499]],
    [3, [999, 679, 339]],
    [4, [999, 759, 499, 259]],
    [8, [999, 879, 759, 639, 499, 379, 259, 139]],
  ])('of %i steps', (steps, timesteps) => {
    expect(lcmTimesteps(config, steps)).toEqual(timesteps);
  });

  it('takes every origin step at most, down to the least noisy', () => {
    const all = lcmTimesteps(config, 50);
    expect(all).toHaveLength(50);
    expect(new Set(all).size).toBe(50);
    expect(all.at(-1)).toBe(19);
  });

  it.each([0, -1, 51, 2.5, Number.NaN])('refuses %d steps', (steps) => {
    expect(() => lcmTimesteps(config, steps)).toThrow(
      new RangeError(`Cannot sample in ${steps} steps: 1 to 50 are possible`),
    );
  });
});

describe('stepScalings', () => {
  it('meets the boundary condition at timestep 0: the estimate is the input itself', () => {
    const { skip, out } = stepScalings(config, alphas, 0);
    expect([skip, out]).toEqual([1, 0]);
  });

  it('at 999 leaves almost nothing of the input', () => {
    const { skip, out } = stepScalings(config, alphas, 999);
    expect(skip).toBeCloseTo(0.25 / (9990 ** 2 + 0.25), 15);
    expect(out).toBeCloseTo(9990 / Math.sqrt(9990 ** 2 + 0.25), 15);
  });

  it.each([0, 259, 999])('at %i splits the variance between signal and noise', (t) => {
    const { signal, noise } = stepScalings(config, alphas, t);
    expect(signal ** 2).toBeCloseTo(alphas[t]!, 12);
    expect(signal ** 2 + noise ** 2).toBeCloseTo(1, 12);
  });
});

describe('addNoise and denoise', () => {
  const clean = Float32Array.of(-1.5, 0, 0.25, 2);
  const noise = Float32Array.of(0.5, -1, 0, 1.25);

  it('mixes signal and noise', () => {
    const scalings = {
      signal: 0.5,
      noise: 2,
      skip: 0,
      out: 0,
      fromNoisy: 2,
      fromPrediction: -4,
      fromPrevious: 0,
      range: 9,
    };
    expect([...addNoise(clean, noise, scalings)]).toEqual([0.25, -2, 0.125, 3.5]);
  });

  it('denoises by the definition', () => {
    const scalings = {
      signal: 0.5,
      noise: 2,
      skip: 0.25,
      out: 0.75,
      fromNoisy: 2,
      fromPrediction: -4,
      fromPrevious: 0,
      range: 99,
    };
    // 0.75·(2z − 4ε) + 0.25·z
    expect([...denoise(clean, noise, scalings)]).toEqual([-4.125, 3, 0.4375, -0.25]);
  });

  it('adds to the estimate before what predicts a refinement', () => {
    const scalings = stepScalings({ ...config, prediction_type: 'refinement' }, alphas, 259);
    const [noisy, change] = [Float32Array.of(9, 9, 9, 9), Float32Array.of(1, -1, 0.5, 0)];
    const estimate = denoise(noisy, change, scalings, clean);
    // c_out and c_skip are 1 and 0 but for a few millionths.
    for (const [i, z] of estimate.entries()) expect(z).toBeCloseTo(clean[i]! + change[i]!, 5);
    expect(() => requireStartStep({ ...config, prediction_type: 'refinement' }, 1)).toThrow('Start at 2');
    expect(() => requireStartStep(config, 1)).not.toThrow();
  });

  it.each(['sample', 'v_prediction'] as const)('denoise what predicts %s', (prediction_type) => {
    const scalings = stepScalings({ ...config, prediction_type }, alphas, 499);
    const noisy = addNoise(clean, noise, scalings);
    const velocity = noise.map((n, i) => scalings.signal * n - scalings.noise * clean[i]!);
    const estimate = denoise(noisy, prediction_type === 'sample' ? clean : velocity, scalings);
    for (let i = 0; i < clean.length; i++) expect(Math.abs(estimate[i]! - clean[i]!)).toBeLessThan(1e-6);
  });

  it.each([999, 759, 499, 259])('undo one another at %i when the noise is known', (t) => {
    const scalings = stepScalings(config, alphas, t);
    const noisy = addNoise(clean, noise, scalings);
    const estimate = denoise(noisy, noise, scalings);
    // c_out and c_skip differ from 1 and 0 by 4e-8 at most here; the rest is float32 rounding, divided by √ᾱ ≥ 0.068.
    for (let i = 0; i < clean.length; i++) expect(Math.abs(estimate[i]! - clean[i]!)).toBeLessThan(5e-6);
  });
});

/**
 * By NumPy in float32 from the schedule's published constants: x₀ = (z − √(1 − ᾱ)ε)/√ᾱ, clamped, then c_out x₀ + c_skip z,
 * for z = (1.5, −0.2, 0.7, 3) and ε = (0.3, −1.1, 0.2, −2) at t = 259.
 */
it.each([
  [{}, [1.6319932, 0.5449434, 0.71843404, 5.134373]],
  [{ clip_sample: false, clip_sample_range: 0.5 }, [1.6319932, 0.5449434, 0.71843404, 5.134373]],
  [{ clip_sample: true }, [1, 0.54494337, 0.71843405, 1]],
  [{ clip_sample: true, clip_sample_range: 0.5 }, [0.5, 0.5, 0.5, 0.5]],
])('clamps what it takes for the clean latent where the schedule %o says so', (settings, expected) => {
  const schedule = schedulerConfigSchema.parse(settings);
  const scalings = stepScalings(schedule, alphasCumprod(schedule), 259);
  const clean = denoise(Float32Array.of(1.5, -0.2, 0.7, 3), Float32Array.of(0.3, -1.1, 0.2, -2), scalings);
  expect([...clean]).toEqual(expected.map((value) => expect.closeTo(value, 5)));
});
