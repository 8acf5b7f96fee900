/** Euler's method on the noise level σ (Karras et al. 2022, arXiv:2206.00364, algorithm 2), as SD Turbo samples. */
import { z } from 'zod';
import { alphasCumprod, schedulerConfigSchema } from './lcm-schedule.ts';

/** diffusers' scheduler_config.json of an EulerDiscreteScheduler or EulerAncestralDiscreteScheduler. */
export const eulerConfigSchema = z.object({
  num_train_timesteps: z.number().int().positive().default(1000),
  beta_start: z.number().positive().lt(1).default(0.00085),
  beta_end: z.number().positive().lt(1).default(0.012),
  beta_schedule: z.enum(['scaled_linear', 'linear']).default('scaled_linear'),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  timestep_spacing: z.enum(['trailing', 'leading']).default('trailing'),
  /** Added to leading timesteps. */
  steps_offset: z.number().int().nonnegative().default(1),
});
export type EulerConfig = z.infer<typeof eulerConfigSchema>;

interface EulerSchedule {
  /** Noisiest first. */
  readonly timesteps: readonly number[];
  /** σ at each timestep, and 0 at the end. */
  readonly sigmas: readonly number[];
  /** What noise is scaled by to begin with. */
  readonly initialScale: number;
}

/** @throws {RangeError} if `steps` is not between 1 and the training timesteps */
export function eulerSchedule(config: EulerConfig, steps: number): EulerSchedule {
  const { num_train_timesteps: train, timestep_spacing: spacing, steps_offset: offset } = config;
  if (!Number.isInteger(steps) || steps < 1 || steps > train)
    throw new RangeError(`Cannot sample in ${steps} steps: 1 to ${train} are possible`);
  const { beta_start, beta_end, beta_schedule } = config;
  const betas = { num_train_timesteps: train, beta_start, beta_end, beta_schedule };
  const alphas = alphasCumprod(schedulerConfigSchema.parse({ ...betas, original_inference_steps: 1 }));
  const timesteps = Array.from({ length: steps }, (_, i) =>
    spacing === 'trailing'
      ? Math.round(train - (i * train) / steps) - 1
      : Math.min((steps - 1 - i) * Math.floor(train / steps) + offset, train - 1),
  );
  const sigmas = timesteps.map((t) => Math.sqrt((1 - alphas[t]!) / alphas[t]!));
  const largest = sigmas[0]!;
  return {
    timesteps,
    sigmas: [...sigmas, 0],
    initialScale: spacing === 'trailing' ? largest : Math.sqrt(largest ** 2 + 1),
  };
}

/** What the network takes: x/√(σ² + 1). */
export function scaleToNetwork(noisy: Float32Array, sigma: number): Float32Array {
  const scale = 1 / Math.sqrt(sigma ** 2 + 1);
  return noisy.map((x) => x * scale);
}

/** The clean latent that the network's prediction implies. */
export function eulerDenoised(
  { prediction_type }: EulerConfig,
  noisy: Float32Array,
  prediction: Float32Array,
  sigma: number,
): Float32Array {
  if (prediction_type === 'epsilon') return noisy.map((x, i) => x - sigma * prediction[i]!);
  const variance = sigma ** 2 + 1;
  return noisy.map((x, i) => x / variance - (prediction[i]! * sigma) / Math.sqrt(variance));
}

/** From σ to the next one along the line to the clean latent: x + (x − x₀)/σ·(σ' − σ). */
export function eulerStep(
  noisy: Float32Array,
  clean: Float32Array,
  sigma: number,
  next: number,
): Float32Array {
  const slope = (next - sigma) / sigma;
  return noisy.map((x, i) => x + (x - clean[i]!) * slope);
}

/**
 * An ancestral step: below the next σ, then up to it with new noise.
 * @param noise standard normal
 */
export function eulerAncestralStep(
  noisy: Float32Array,
  clean: Float32Array,
  noise: Float32Array,
  sigma: number,
  next: number,
): Float32Array {
  const up = Math.sqrt((next ** 2 * (sigma ** 2 - next ** 2)) / sigma ** 2);
  const down = Math.sqrt(next ** 2 - up ** 2);
  return eulerStep(noisy, clean, sigma, down).map((x, i) => x + up * noise[i]!);
}
