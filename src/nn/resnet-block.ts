import { add, reshape, resizeNearest, silu } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { convLayer, groupNorm, linear } from './layers.ts';
import type { ParameterScope } from './parameter-scope.ts';

interface ResnetBlockOptions {
  readonly outChannels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** [N, E], added to every position after the first convolution. */
  readonly timeEmbedding?: Value;
}

/** The residual block of Stable Diffusion's networks: x [N, C, H, W] → [N, outChannels, H, W]. */
export function resnetBlock(
  p: ParameterScope,
  x: Value,
  { outChannels, groups, epsilon, timeEmbedding }: ResnetBlockOptions,
): Value {
  let h = convLayer(p.at('conv1'), silu(groupNorm(p.at('norm1'), x, groups, epsilon)), outChannels);
  if (timeEmbedding) {
    const shift = linear(p.at('time_emb_proj'), silu(timeEmbedding), outChannels); // [N, outChannels]
    h = add(h, reshape(shift, [x.shape[0]!, outChannels, 1, 1]));
  }
  h = convLayer(p.at('conv2'), silu(groupNorm(p.at('norm2'), h, groups, epsilon)), outChannels);
  const shortcut =
    x.shape[1] === outChannels ? x : convLayer(p.at('conv_shortcut'), x, outChannels, { kernel: 1 });
  return add(shortcut, h);
}

/** Nearest-neighbour resize to [height, width], then a 3×3 convolution of the same width. */
export function upsample(p: ParameterScope, x: Value, size: readonly [number, number]): Value {
  return convLayer(p.at('conv'), resizeNearest(x, size), x.shape[1]!);
}
