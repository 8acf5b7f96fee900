/** The latent consistency model's schedule and its boundary-condition scalings (Luo et al. 2023, arXiv:2310.04378). */

import { fileLimits } from '../tensor/file-limits.ts';
import { z } from '../tensor/file-schema.ts';

const betaSchema = z.number().check(z.positive(), z.lt(1));

/** diffusers' scheduler_config.json of an LCMScheduler. */
export const schedulerConfigSchema = z
  .object({
    num_train_timesteps: z._default(z.int().check(z.positive(), z.lte(fileLimits.timesteps)), 1000),
    beta_start: z._default(betaSchema, 0.00085),
    beta_end: z._default(betaSchema, 0.012),
    beta_schedule: z._default(z.enum(['scaled_linear', 'linear']), 'scaled_linear'),
    original_inference_steps: z._default(z.int().check(z.positive()), 50),
    timestep_scaling: z._default(z.number().check(z.positive()), 10),
    /** `refinement`, not diffusers': what a step adds to the clean latent that the one before has left. */
    prediction_type: z._default(z.enum(['epsilon', 'sample', 'v_prediction', 'refinement']), 'epsilon'),
    rescale_betas_zero_snr: z._default(z.literal(false), false),
    thresholding: z._default(z.literal(false), false),
    /** Whether estimates of the clean latent are clamped to ±`clip_sample_range`, as old copies of the schedule ask for. */
    clip_sample: z._default(z.boolean(), false),
    clip_sample_range: z._default(z.number().check(z.positive()), 1),
  })
  .check(
    z.refine((config) => config.original_inference_steps <= config.num_train_timesteps, {
      path: ['original_inference_steps'],
      message: 'must not exceed num_train_timesteps',
    }),
  );
export type SchedulerConfig = z.infer<typeof schedulerConfigSchema>;

const sigmaData = 0.5;

/** ᾱ_t for every training timestep, in float32 as the published code keeps it. */
export function alphasCumprod(config: SchedulerConfig): Float32Array {
  const { num_train_timesteps: count, beta_start, beta_end, beta_schedule } = config;
  const scaled = beta_schedule === 'scaled_linear';
  const from = scaled ? Math.sqrt(beta_start) : beta_start;
  const to = scaled ? Math.sqrt(beta_end) : beta_end;
  const alphas = new Float32Array(count);
  let product = 1;
  for (let t = 0; t < count; t++) {
    const x = count === 1 ? from : from + ((to - from) * t) / (count - 1);
    product *= 1 - (scaled ? x * x : x);
    alphas[t] = product;
  }
  return alphas;
}

/**
 * The timesteps of `steps` inference steps, noisiest first.
 * @throws {RangeError} if `steps` is not between 1 and the origin steps
 */
export function lcmTimesteps(config: SchedulerConfig, steps: number): number[] {
  const { num_train_timesteps: train, original_inference_steps: origin } = config;
  if (!Number.isInteger(steps) || steps < 1 || steps > origin)
    throw new RangeError(`Cannot sample in ${steps} steps: 1 to ${origin} are possible`);
  const skip = Math.floor(train / origin);
  const originTimesteps = Array.from({ length: origin }, (_, i) => (i + 1) * skip - 1).reverse();
  return Array.from({ length: steps }, (_, i) => originTimesteps[Math.floor((i * origin) / steps)]!);
}

/** Scalings of one denoising step at timestep t. */
export interface StepScalings {
  /** √ᾱ_t */
  readonly signal: number;
  /** √(1 − ᾱ_t) */
  readonly noise: number;
  readonly skip: number;
  readonly out: number;
  /** The clean latent is fromNoisy·z_t + fromPrediction·(what the network predicts) + fromPrevious·(the one before). */
  readonly fromNoisy: number;
  readonly fromPrediction: number;
  readonly fromPrevious: number;
  /** The clean latent lies within ± this; infinite where the schedule does not clip. */
  readonly range: number;
}

/**
 * @param alphas ᾱ of every training timestep, see {@link alphasCumprod}
 * @param t a training timestep
 * @see Luo et al. 2023, arXiv:2310.04378, equation 9 for c_skip and c_out
 */
export function stepScalings(config: SchedulerConfig, alphas: Float32Array, t: number): StepScalings {
  const scaled = t * config.timestep_scaling;
  const denominator = scaled * scaled + sigmaData * sigmaData;
  const signal = Math.sqrt(alphas[t]!);
  const noise = Math.sqrt(1 - alphas[t]!);
  return {
    signal,
    noise,
    skip: (sigmaData * sigmaData) / denominator,
    out: scaled / Math.sqrt(denominator),
    range: config.clip_sample ? config.clip_sample_range : Number.POSITIVE_INFINITY,
    ...cleanScalings(config, signal, noise),
  };
}

/** How the clean latent follows from the noise ε, from itself, or from v = √ᾱ ε − √(1 − ᾱ) z₀ (arXiv:2202.00512). */
function cleanScalings(
  { prediction_type }: SchedulerConfig,
  signal: number,
  noise: number,
): Pick<StepScalings, 'fromNoisy' | 'fromPrediction' | 'fromPrevious'> {
  switch (prediction_type) {
    case 'epsilon':
      return { fromNoisy: 1 / signal, fromPrediction: -noise / signal, fromPrevious: 0 };
    case 'sample':
      return { fromNoisy: 0, fromPrediction: 1, fromPrevious: 0 };
    case 'v_prediction':
      return { fromNoisy: signal, fromPrediction: -noise, fromPrevious: 0 };
    case 'refinement':
      return { fromNoisy: 0, fromPrediction: 1, fromPrevious: 1 };
  }
}

/**
 * What a step computes with, so that the method is written once: single numbers of arrays, in double precision, or
 * values of a graph, which is differentiated.
 */
export interface StepArithmetic<T> {
  /** a·x + b·y */
  mix(a: number, x: T, b: number, y: T): T;
  /** x where it is within ± `limit`, else the end that is nearer */
  clamp(x: T, limit: number): T;
}

/** z_t = √ᾱ_t z₀ + √(1 − ᾱ_t) n */
export function noisyLatent<T>({ mix }: StepArithmetic<T>, clean: T, noise: T, s: StepScalings): T {
  return mix(s.signal, clean, s.noise, noise);
}

/**
 * c_out·z₀(z_t, prediction) + c_skip·z_t: the consistency model's estimate of z₀.
 * @param previous the estimate that z_t was made from; a schedule of refinement needs it
 * @see Luo et al. 2023, arXiv:2310.04378, equation 9
 */
export function cleanLatent<T>(
  { mix, clamp }: StepArithmetic<T>,
  noisy: T,
  prediction: T,
  s: StepScalings,
  previous?: T,
): T {
  const ofBoth = mix(s.fromNoisy, noisy, s.fromPrediction, prediction);
  const clean = s.fromPrevious === 0 ? ofBoth : mix(1, ofBoth, s.fromPrevious, previous!);
  const clamped = s.range === Number.POSITIVE_INFINITY ? clean : clamp(clean, s.range);
  return mix(s.out, clamped, s.skip, noisy);
}

const ofNumbers: StepArithmetic<number> = {
  mix: (a, x, b, y) => a * x + b * y,
  clamp: (x, limit) => Math.min(Math.max(x, -limit), limit),
};

/** {@link noisyLatent} of arrays, number by number. */
export function addNoise(clean: Float32Array, noise: Float32Array, scalings: StepScalings): Float32Array {
  return clean.map((z, i) => noisyLatent(ofNumbers, z, noise[i]!, scalings));
}

/** {@link cleanLatent} of arrays, number by number. */
export function denoise(
  noisy: Float32Array,
  prediction: Float32Array,
  scalings: StepScalings,
  previous?: Float32Array,
): Float32Array {
  return noisy.map((z, i) => cleanLatent(ofNumbers, z, prediction[i]!, scalings, previous?.[i]));
}

/** @throws {RangeError} if sampling begins with pure noise where there must be something to refine */
export function requireStartStep({ prediction_type }: SchedulerConfig, startStep: number): void {
  if (prediction_type === 'refinement' && startStep === 1)
    throw new RangeError(
      'Cannot start at step 1: this model refines, and pure noise leaves it nothing. Start at 2',
    );
}
