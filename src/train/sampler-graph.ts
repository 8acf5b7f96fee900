/** The whole sampler as one graph, from the photo's latent to the image, to be differentiated. */
import {
  alphasCumprod,
  cleanLatent,
  lcmTimesteps,
  noisyLatent,
  requireStartStep,
  type StepArithmetic,
  stepScalings,
} from '../diffusion/lcm-schedule.ts';
import { guidanceEmbedding } from '../diffusion/sinusoid.ts';
import { add, clip, constant, input, mul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { buildSpatialEncoder } from '../models/spatial-encoder/spatial-encoder.ts';
import { timestepSinusoid } from '../models/unet/timestep.ts';
import { buildUNet } from '../models/unet/unet.ts';
import { buildVaeDecoder, type Photo } from '../models/vae/vae.ts';
import { repeatRow } from '../tensor/host-tensor.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from './stage-networks.ts';

interface SamplerInputs {
  /** c_v [B, L, E]. */
  readonly context: Value;
  /** The photo's latent, scaled. */
  readonly latent: Value;
  /** The photo [B, 3, H, W] in [-1, 1]. */
  readonly image: Value;
  /** What the decoder sees of it; left out where the autoencoder has no `photo_fusion`. */
  readonly photo?: Photo | undefined;
}

interface SamplerOptions {
  readonly steps: number;
  readonly startStep: number;
  readonly guidanceScale: number;
}

/** The step's arithmetic as a graph. */
export const ofValues: StepArithmetic<Value> = {
  mix: (a, x, b, y) => add(mul(x, a), mul(y, b)),
  clamp: (x, limit) => clip(x, -limit, limit),
};

/**
 * Inputs are `noise0`, `noise1`, …, one a network call; the weights of all networks are parameters, so that any may
 * be trained. Without a spatial encoder's config the UNet gets no residuals.
 * @returns the decoded image [B, 3, H, W]
 */
export function buildSampler(
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  { context, latent, image, photo }: SamplerInputs,
  { steps, startStep, guidanceScale }: SamplerOptions,
): Value {
  const { scheduler, spatialEncoder } = configs;
  const unet = requireConfig(configs, 'unet');
  const vae = requireConfig(configs, 'vae');
  const rows = (row: Float32Array): Value => {
    const { shape, data } = repeatRow(row, latent.shape[0]!);
    return constant(shape, data);
  };
  const guidanceWidth = unet.time_cond_proj_dim;
  const guidance = guidanceWidth ? rows(guidanceEmbedding(guidanceScale, guidanceWidth)) : undefined;
  requireStartStep(scheduler, startStep);
  const alphas = alphasCumprod(scheduler);
  let clean: Value | undefined = startStep === 1 ? undefined : latent;
  lcmTimesteps(scheduler, steps)
    .slice(startStep - 1)
    .forEach((t, k) => {
      const scalings = stepScalings(scheduler, alphas, t);
      const fresh = input(`noise${k}`, latent.shape);
      const latents = clean ? noisyLatent(ofValues, clean, fresh, scalings) : fresh;
      const timestep = rows(timestepSinusoid(unet, t));
      const residuals =
        spatialEncoder &&
        buildSpatialEncoder(scopes.spatialEncoder, spatialEncoder, { latents, timestep, context, image });
      const prediction = buildUNet(scopes.unet, unet, { latents, timestep, guidance, context, residuals });
      clean = cleanLatent(ofValues, latents, prediction, scalings, clean);
    });
  return buildVaeDecoder(scopes.vae, vae, mul(clean!, 1 / vae.scaling_factor), photo);
}
