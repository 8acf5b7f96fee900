import {
  type EulerConfig,
  eulerAncestralStep,
  eulerDenoised,
  eulerSchedule,
  eulerStep,
  scaleToNetwork,
} from './euler-schedule.ts';
import type { Predict, SamplerOptions } from './sampler.ts';

/**
 * Euler's method from pure noise down to σ = 0.
 * @param init standard normal
 * @param noise standard normal, as many numbers, for step 1, 2, …: makes the steps ancestral; plain ones without it
 * @returns the latent at σ = 0
 * @throws {RangeError} for steps that the schedule does not have
 * @see Karras et al. 2022, arXiv:2206.00364, algorithm 2
 */
export async function sampleByEuler(
  config: EulerConfig,
  steps: number,
  { init, noise, predict }: { init: Float32Array; noise?: (step: number) => Float32Array; predict: Predict },
  { onStep }: SamplerOptions = {},
): Promise<Float32Array> {
  const { timesteps, sigmas, initialScale } = eulerSchedule(config, steps);
  let latents: Float32Array = init.map((x) => x * initialScale);
  for (const [i, t] of timesteps.entries()) {
    const [sigma, next] = [sigmas[i]!, sigmas[i + 1]!];
    const input = scaleToNetwork(latents, sigma);
    const prediction = await predict(input, t);
    const clean = eulerDenoised(config, latents, prediction, sigma);
    latents = noise
      ? eulerAncestralStep(latents, clean, noise(i + 1), sigma, next)
      : eulerStep(latents, clean, sigma, next);
    await onStep?.({ step: i + 1, input, prediction, clean, latents });
  }
  return latents;
}
