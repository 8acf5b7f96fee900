import { leakyRelu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { type BatchNorm, batchNorm } from '../../nn/batch-norm.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

interface DiscriminatorConfig {
  /** Width of the first layer. */
  readonly ndf: number;
  /** Layers that double the width, up to eight times the first. */
  readonly n_layers: number;
  /**
   * By batch, as published, unless given, or `spectral`: every weight divided by its largest singular value, which bounds
   * how fast the scores change with the image.
   */
  readonly normalization?: 'batch' | 'spectral';
}

/** What a discriminator sees in images. */
export interface Judgement {
  /** [N, 1, h, w], higher for images taken as real. */
  readonly scores: Value;
  /** What its layers but the last make of the images: [N, C, h, w] each. */
  readonly features: readonly Value[];
}

const slope = 0.2;

/**
 * PatchGAN: one score for each overlapping patch of the image.
 * @param image [N, 3, H, W] in [-1, 1]
 * @param norm by the statistics of the batch, as in training, unless given
 * @see Isola et al. 2017, arXiv:1611.07004; Miyato et al. 2018, arXiv:1802.05957 (spectral normalisation)
 */
export function buildDiscriminator(
  root: ParameterScope,
  { ndf, n_layers: layers, normalization }: DiscriminatorConfig,
  image: Value,
  norm: BatchNorm = batchNorm,
): Judgement {
  const p = root.at('main');
  const kernel = 4;
  const spectral = normalization === 'spectral';
  let index = 0;
  let h = leakyRelu(
    convLayer(p.at(`${index}`), image, ndf, { kernel, stride: 2, padding: 1, spectral }),
    slope,
  );
  index += 2;
  const features = [h];
  for (let layer = 1; layer <= layers; layer++) {
    const width = ndf * Math.min(2 ** layer, 8);
    const stride = layer < layers ? 2 : 1;
    h = convLayer(p.at(`${index}`), h, width, { kernel, stride, padding: 1, bias: spectral, spectral });
    h = leakyRelu(spectral ? h : norm(p.at(`${index + 1}`), h), slope);
    features.push(h);
    index += 3;
  }
  return { scores: convLayer(p.at(`${index}`), h, 1, { kernel, padding: 1, spectral }), features };
}
