/** The whole sampler as one graph, from CLIP's tokens and the photo's latent to the image, to be differentiated. */
import { alphasCumprod, lcmTimesteps, stepScalings } from '../diffusion/lcm-schedule.ts';
import { guidanceEmbedding } from '../diffusion/sinusoid.ts';
import { add, constant, input, mul, sub } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { clipTokenCount } from '../models/clip/clip.ts';
import { buildSpatialEncoder } from '../models/spatial-encoder/spatial-encoder.ts';
import { timestepSinusoid } from '../models/unet/timestep.ts';
import { buildUNet } from '../models/unet/unet.ts';
import { buildVaeDecoder, vaeScaleFactor } from '../models/vae/vae.ts';
import { buildVisualEncoder } from '../models/visual-encoder/visual-encoder.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Checkpoint } from '../restore/checkpoint.ts';
import { repeatRow } from '../restore/interlcm.ts';
import type { ImageBatch } from '../restore/networks.ts';

/**
 * Inputs are `clip_tokens`, `latent` (scaled), `image` and `noise0`, `noise1`, …; the weights of all networks are
 * parameters, so that any may be trained.
 * @returns the decoded image [B, 3, H, W]
 */
export function buildSampler(
  checkpoint: Checkpoint,
  { batch, height, width }: ImageBatch,
  { steps, startStep, guidanceScale }: { steps: number; startStep: number; guidanceScale: number },
): Value {
  const { unet, vae, clip, visualEncoder, spatialEncoder, scheduler } = checkpoint;
  const factor = vaeScaleFactor(vae.config);
  const latentShape = [batch, vae.config.latent_channels, height / factor, width / factor];
  const image = input('image', [batch, 3, height, width]);
  const tokens = input('clip_tokens', [batch, clipTokenCount(clip.config), clip.config.hidden_size]);
  const context = buildVisualEncoder(parameterScope('ve'), visualEncoder.config, tokens);
  const scopes = { unet: parameterScope('unet'), se: parameterScope('se'), vae: parameterScope('vae') };

  const rows = (row: Float32Array): Value => {
    const { shape, data } = repeatRow(row, batch);
    return constant(shape, data);
  };
  const guidanceWidth = unet.config.time_cond_proj_dim;
  const guidance = guidanceWidth ? rows(guidanceEmbedding(guidanceScale, guidanceWidth)) : undefined;
  const alphas = alphasCumprod(scheduler);
  let clean: Value | undefined = startStep === 1 ? undefined : input('latent', latentShape);
  lcmTimesteps(scheduler, steps)
    .slice(startStep - 1)
    .forEach((t, k) => {
      const { signal, noise, skip, out } = stepScalings(scheduler, alphas, t);
      const fresh = input(`noise${k}`, latentShape);
      const latents = clean ? add(mul(clean, signal), mul(fresh, noise)) : fresh;
      const timestep = rows(timestepSinusoid(unet.config, t));
      const residuals = buildSpatialEncoder(scopes.se, spatialEncoder.config, {
        latents,
        timestep,
        context,
        image,
      });
      const epsilon = buildUNet(scopes.unet, unet.config, {
        latents,
        timestep,
        guidance,
        context,
        residuals,
      });
      const estimate = mul(sub(latents, mul(epsilon, noise)), out / signal);
      clean = add(estimate, mul(latents, skip));
    });
  return buildVaeDecoder(scopes.vae, vae.config, mul(clean!, 1 / vae.config.scaling_factor));
}
