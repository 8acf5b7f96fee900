import { add, div, leakyRelu, mul, reduceMean, reshape, sqrt, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

export interface DiscriminatorConfig {
  /** Width of the first layer. */
  readonly ndf: number;
  /** Layers that double the width, up to eight times the first. */
  readonly n_layers: number;
}

const slope = 0.2;
const epsilon = 1e-5;

/**
 * PatchGAN: one score for each overlapping patch of the image.
 * @param image [N, 3, H, W] in [-1, 1]
 * @returns [N, 1, h, w], higher for images taken as real
 * @see Isola et al. 2017, arXiv:1611.07004
 */
export function buildDiscriminator(
  root: ParameterScope,
  { ndf, n_layers: layers }: DiscriminatorConfig,
  image: Value,
): Value {
  const p = root.at('main');
  const kernel = 4;
  let index = 0;
  let h = leakyRelu(convLayer(p.at(`${index}`), image, ndf, { kernel, stride: 2, padding: 1 }), slope);
  index += 2;
  for (let layer = 1; layer <= layers; layer++) {
    const width = ndf * Math.min(2 ** layer, 8);
    const stride = layer < layers ? 2 : 1;
    h = convLayer(p.at(`${index}`), h, width, { kernel, stride, padding: 1, bias: false });
    h = leakyRelu(batchNorm(p.at(`${index + 1}`), h), slope);
    index += 3;
  }
  return convLayer(p.at(`${index}`), h, 1, { kernel, padding: 1 });
}

/** Batch normalisation of x [N, C, H, W] by the statistics of the batch, as in training. */
function batchNorm(p: ParameterScope, x: Value): Value {
  const channels = x.shape[1]!;
  const perChannel = (key: string): Value => reshape(p.get(key, [channels]), [1, channels, 1, 1]);
  const axes = [0, 2, 3];
  const centred = sub(x, reduceMean(x, axes, true));
  const variance = reduceMean(mul(centred, centred), axes, true);
  return add(mul(div(centred, sqrt(add(variance, epsilon))), perChannel('weight')), perChannel('bias'));
}
