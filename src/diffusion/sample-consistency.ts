import {
  addNoise,
  alphasCumprod,
  denoise,
  lcmTimesteps,
  requireStartStep,
  type SchedulerConfig,
  stepScalings,
} from './lcm-schedule.ts';
import type { Predict, SamplerOptions } from './sampler.ts';

/**
 * Multistep consistency sampling from pure noise: predict the clean latent, make it noisy again, and so on.
 * @param init standard normal
 * @param noise standard normal, as many numbers, for the re-noising after step 1, 2, …
 * @returns the clean latent of the last step
 * @throws {RangeError} for steps that the schedule does not have
 * @see Luo et al. 2023, arXiv:2310.04378, algorithm 3
 */
export async function sampleByConsistency(
  config: SchedulerConfig,
  steps: number,
  { init, noise, predict }: { init: Float32Array; noise: (step: number) => Float32Array; predict: Predict },
  { onStep }: SamplerOptions = {},
): Promise<Float32Array> {
  requireStartStep(config, 1);
  const timesteps = lcmTimesteps(config, steps);
  const alphas = alphasCumprod(config);
  let latents = init;
  for (const [i, t] of timesteps.entries()) {
    const input = latents;
    const prediction = await predict(input, t);
    const clean = denoise(input, prediction, stepScalings(config, alphas, t));
    const next = timesteps[i + 1];
    latents = next === undefined ? clean : addNoise(clean, noise(i + 1), stepScalings(config, alphas, next));
    await onStep?.({ step: i + 1, input, prediction, clean, latents });
  }
  return latents;
}
