import { alphasCumprod, stepScalings } from '../../diffusion/lcm-schedule.ts';
import { guidanceEmbedding } from '../../diffusion/sinusoid.ts';
import { add, input, mul, reduceMean, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { clipInput } from '../../models/clip/clip-input.ts';
import { buildSpatialEncoder } from '../../models/spatial-encoder/spatial-encoder.ts';
import { timestepSinusoid } from '../../models/unet/timestep.ts';
import { buildUNet } from '../../models/unet/unet.ts';
import { buildVaeDecoder } from '../../models/vae/vae.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { drawNoise, perImage, stackRows } from '../feeds.ts';
import type { StageGraph } from '../stage-graph.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from '../stage-networks.ts';
import type { Condition, StageConfig } from '../train-config.ts';
import { type BatchSize, droppedContext, latentOf, latentShape } from './conditioning.ts';

/** Scale of no guidance, for UNets that have its embedding. */
const plainGuidance = 1;

/**
 * Denoising in latent space: the UNet predicts the noise in a noisy latent, or what else the schedule's
 * `prediction_type` names; its term is `mse`. With `control` a
 * spatial encoder on the degraded image takes part, which is how a ControlNet is trained.
 * @see Ho et al. 2020, arXiv:2006.11239; Zhang et al. 2023, arXiv:2302.05543
 */
export function diffusionStage(
  config: StageConfig<'diffusion'>,
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  size: BatchSize,
): StageGraph {
  const { batch } = size;
  const unet = requireConfig(configs, 'unet');
  const vae = requireConfig(configs, 'vae');
  const shape = latentShape(configs, size);
  const imageShape = [batch, 3, size.size, size.size];
  const high = input('high', imageShape);
  const low = input('low', imageShape);
  const noise = input('noise', [batch, ...shape]);
  const rate = (name: string): Value => input(name, [batch, 1, 1, 1]);
  const [signal, sigma, fromNoisy, fromPrediction] = [
    rate('signal'),
    rate('sigma'),
    rate('from_noisy'),
    rate('from_prediction'),
  ];
  const timestep = input('timestep', [batch, unet.block_out_channels[0]!]);
  const guidanceWidth = unet.time_cond_proj_dim;
  const guidance = guidanceWidth ? input('guidance', [batch, guidanceWidth]) : undefined;
  const context = droppedContext(config.condition, scopes, configs, batch);

  const clean = latentOf(scopes, configs, high);
  const latents = add(mul(clean, signal), mul(noise, sigma));
  const residuals = config.control
    ? buildSpatialEncoder(scopes.spatialEncoder, requireConfig(configs, 'spatialEncoder'), {
        latents,
        timestep,
        context,
        image: low,
      })
    : undefined;
  const prediction = buildUNet(scopes.unet, unet, { latents, timestep, guidance, context, residuals });
  const truth = {
    epsilon: noise,
    sample: clean,
    v_prediction: sub(mul(noise, signal), mul(clean, sigma)),
    refinement: undefined,
  }[configs.scheduler.prediction_type];
  if (!truth)
    throw new TypeError(
      'Cannot train a refinement by the diffusion loss: there is nothing to refine. Choose another prediction_type',
    );
  const error = sub(prediction, truth);
  const estimate = add(mul(latents, fromNoisy), mul(prediction, fromPrediction));
  const decode = (latent: Value): Value =>
    buildVaeDecoder(scopes.vae, vae, mul(latent, 1 / vae.scaling_factor));

  const alphas = alphasCumprod(configs.scheduler);
  return {
    terms: { mse: reduceMean(mul(error, error)) },
    preview: { truth: high, noisy: decode(latents), estimate: decode(estimate) },
    feeds(images, streams) {
      const timesteps = streams.map((stream) => stream.integer(alphas.length));
      const seen = streams.map((stream) => (stream.uniform() < config.conditionDropout ? 0 : 1));
      const scalings = timesteps.map((t) => stepScalings(configs.scheduler, alphas, t));
      return {
        ...images,
        noise: drawNoise(streams, shape),
        signal: perImage(scalings.map(({ signal }) => signal)),
        sigma: perImage(scalings.map(({ noise: sigma }) => sigma)),
        from_noisy: perImage(scalings.map(({ fromNoisy }) => fromNoisy)),
        from_prediction: perImage(scalings.map(({ fromPrediction }) => fromPrediction)),
        timestep: stackRows(timesteps.map((t) => timestepSinusoid(unet, t))),
        ...(guidanceWidth && {
          guidance: stackRows(streams.map(() => guidanceEmbedding(plainGuidance, guidanceWidth))),
        }),
        ...conditionFeeds(config.condition, configs, images, seen),
      };
    },
  };
}

/** What `droppedContext` is fed: the images, and whether each sample sees its condition. */
export function conditionFeeds(
  condition: Condition,
  configs: NetworkConfigs,
  images: { readonly high: HostTensor; readonly low: HostTensor },
  seen: readonly number[],
): Record<string, HostTensor> {
  if (condition === 'none') return {};
  const feeds = { seen: hostTensor([seen.length, 1, 1], Float32Array.from(seen)) };
  if (typeof condition !== 'string') return feeds;
  return { ...feeds, clip_input: clipInput(images[condition], requireConfig(configs, 'clip').image_size) };
}
