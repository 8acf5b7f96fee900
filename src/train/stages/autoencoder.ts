import { add, constant, exp, input, mul, reduceSum, sub } from '../../graph/ops.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../../models/vae/vae.ts';
import { drawNoise } from '../feeds.ts';
import type { StageGraph } from '../stage-graph.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from '../stage-networks.ts';
import type { StageConfig } from '../train-config.ts';
import { type BatchSize, latentShape } from './conditioning.ts';

/**
 * The KL autoencoder: images are encoded, a latent is drawn from the posterior, and decoded. Its own term is `kl`,
 * summed over the latent and averaged over the batch. Given degraded images it learns to restore them at once: the
 * plain regression that InterLCM is compared with.
 * @see Kingma & Welling 2014, arXiv:1312.6114; Rombach et al. 2022, arXiv:2112.10752
 */
export function autoencoderStage(
  config: StageConfig<'autoencoder'>,
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  size: BatchSize,
): StageGraph {
  const vae = requireConfig(configs, 'vae');
  const shape = latentShape(configs, size);
  const imageShape = [size.batch, 3, size.size, size.size];
  const truth = input('high', imageShape);
  const image = config.input === 'high' ? truth : input('low', imageShape);
  const noise = input('noise', [size.batch, ...shape]);
  const { mean, logVariance, features } = buildVaeEncoder(scopes.vae, vae, image);
  const latent = add(mean, mul(exp(mul(logVariance, 0.5)), noise));
  // Of a good image the latent is all that is seen, or there would be nothing to learn.
  const fidelities = new Float32Array(size.batch).fill(config.input === 'low' ? 1 : 0);
  const fidelity = constant([size.batch, 1, 1, 1], fidelities);
  const photo = vae.photo_fusion ? { image, features, fidelity } : undefined;
  const restored = buildVaeDecoder(scopes.vae, vae, latent, photo);
  // ½ Σ (μ² + σ² − 1 − ln σ²)
  const divergence = sub(sub(add(mul(mean, mean), exp(logVariance)), 1), logVariance);
  return {
    terms: { kl: mul(reduceSum(divergence), 0.5 / size.batch) },
    images: { restored, truth },
    latent: mean,
    preview: config.input === 'high' ? { input: image, restored } : { input: image, restored, truth },
    feeds: ({ high, low }, streams) => ({ high, low, noise: drawNoise(streams, shape) }),
  };
}
