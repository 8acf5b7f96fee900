import { add, exp, input, mul, reduceSum, sub } from '../../graph/ops.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../../models/vae/vae.ts';
import { drawNoise } from '../feeds.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from '../networks.ts';
import type { StageGraph } from '../stage-graph.ts';
import { type BatchSize, latentShape } from './conditioning.ts';

/**
 * The KL autoencoder: images are encoded, a latent is drawn from the posterior, and decoded. Its own term is `kl`,
 * summed over the latent and averaged over the batch.
 * @see Kingma & Welling 2014, arXiv:1312.6114; Rombach et al. 2022, arXiv:2112.10752
 */
export function autoencoderStage(
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  size: BatchSize,
): StageGraph {
  const vae = requireConfig(configs, 'vae');
  const shape = latentShape(configs, size);
  const image = input('high', [size.batch, 3, size.size, size.size]);
  const noise = input('noise', [size.batch, ...shape]);
  const { mean, logVariance } = buildVaeEncoder(scopes.vae, vae, image);
  const latent = add(mean, mul(exp(mul(logVariance, 0.5)), noise));
  const restored = buildVaeDecoder(scopes.vae, vae, latent);
  // ½ Σ (μ² + σ² − 1 − ln σ²)
  const divergence = sub(sub(add(mul(mean, mean), exp(logVariance)), 1), logVariance);
  return {
    terms: { kl: mul(reduceSum(divergence), 0.5 / size.batch) },
    images: { restored, truth: image },
    latent: mean,
    preview: { input: image, restored },
    feeds: ({ high }, streams) => ({ high, noise: drawNoise(streams, shape) }),
  };
}
