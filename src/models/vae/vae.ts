/** Stable Diffusion's KL autoencoder (Rombach et al. 2022, arXiv:2112.10752), encoder and decoder. */
import { z } from 'zod';
import { add, attention, reshape, silu, slice, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, groupNorm, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { fromPatches, toPatches } from '../../nn/patches.ts';
import { resnetBlock, upsample } from '../../nn/resnet-block.ts';
import { layersOfBlock, side, width, widthsOfBlocks } from '../config-numbers.ts';

/** diffusers' AutoencoderKL config, and below it what a small autoencoder gains by. */
export const vaeConfigSchema = z.object({
  in_channels: width.default(3),
  out_channels: width.default(3),
  block_out_channels: widthsOfBlocks,
  layers_per_block: layersOfBlock.default(2),
  latent_channels: width.default(4),
  norm_num_groups: width.default(32),
  scaling_factor: z.number().positive().default(0.18215),
  /** Side of the squares of pixels that the networks see as channels of one position. */
  patch_size: side.default(1),
  /** Whether a linear map from patches of pixels to the latent, and one back, runs beside the networks. */
  linear_shortcut: z.boolean().default(false),
  act_fn: z.literal('silu').default('silu'),
});
export type VaeConfig = z.infer<typeof vaeConfigSchema>;

const epsilon = 1e-6;

/** Image pixels per latent position, along a side. */
export function vaeScaleFactor(config: VaeConfig): number {
  return config.patch_size * 2 ** (config.block_out_channels.length - 1);
}

/**
 * The posterior of an image.
 * @param image [N, 3, H, W] in [-1, 1]
 * @returns mean and log-variance, each [N, latent_channels, H/f, W/f], unscaled
 */
export function buildVaeEncoder(
  p: ParameterScope,
  config: VaeConfig,
  image: Value,
): { mean: Value; logVariance: Value } {
  const { block_out_channels: widths, norm_num_groups: groups, latent_channels: channels } = config;
  const scope = p.at('encoder');
  let h = convLayer(scope.at('conv_in'), toPatches(image, config.patch_size), widths[0]!);
  widths.forEach((outChannels, block) => {
    const down = scope.at(`down_blocks.${block}`);
    for (let i = 0; i < config.layers_per_block; i++)
      h = resnetBlock(down.at(`resnets.${i}`), h, { outChannels, groups, epsilon });
    if (block + 1 < widths.length)
      // Padded on the right and at the bottom only.
      h = convLayer(down.at('downsamplers.0.conv'), h, outChannels, { stride: 2, padding: [0, 0, 1, 1] });
  });
  h = middleBlock(scope.at('mid_block'), config, h);
  h = convLayer(
    scope.at('conv_out'),
    silu(groupNorm(scope.at('conv_norm_out'), h, groups, epsilon)),
    2 * channels,
  );
  const moments = convLayer(p.at('quant_conv'), h, 2 * channels, { kernel: 1 });
  const mean = slice(moments, 1, 0, channels);
  const logVariance = slice(moments, 1, channels, 2 * channels);
  if (!config.linear_shortcut) return { mean, logVariance };
  const patches = toPatches(image, vaeScaleFactor(config));
  const linearMean = convLayer(scope.at('linear_shortcut'), patches, channels, { kernel: 1, bias: false });
  return { mean: add(mean, linearMean), logVariance };
}

/**
 * The image of a latent.
 * @param latent [N, latent_channels, h, w], unscaled
 * @returns [N, 3, f·h, f·w], about [-1, 1]
 */
export function buildVaeDecoder(p: ParameterScope, config: VaeConfig, latent: Value): Value {
  const { norm_num_groups: groups } = config;
  const widths = [...config.block_out_channels].reverse();
  const scope = p.at('decoder');
  let h = convLayer(p.at('post_quant_conv'), latent, config.latent_channels, { kernel: 1 });
  h = middleBlock(scope.at('mid_block'), config, convLayer(scope.at('conv_in'), h, widths[0]!));
  widths.forEach((outChannels, block) => {
    const up = scope.at(`up_blocks.${block}`);
    for (let i = 0; i <= config.layers_per_block; i++)
      h = resnetBlock(up.at(`resnets.${i}`), h, { outChannels, groups, epsilon });
    if (block + 1 < widths.length) h = upsample(up.at('upsamplers.0'), h, [2 * h.shape[2]!, 2 * h.shape[3]!]);
  });
  const normal = groupNorm(scope.at('conv_norm_out'), h, groups, epsilon);
  const patches = convLayer(scope.at('conv_out'), silu(normal), config.out_channels * config.patch_size ** 2);
  const image = fromPatches(patches, config.patch_size);
  if (!config.linear_shortcut) return image;
  const factor = vaeScaleFactor(config);
  const depth = config.out_channels * factor ** 2;
  const linearPatches = convLayer(scope.at('linear_shortcut'), latent, depth, { kernel: 1, bias: false });
  return add(image, fromPatches(linearPatches, factor));
}

function middleBlock(p: ParameterScope, config: VaeConfig, x: Value): Value {
  const { norm_num_groups: groups } = config;
  const outChannels = x.shape[1]!;
  const options = { outChannels, groups, epsilon };
  let h = resnetBlock(p.at('resnets.0'), x, options);
  h = selfAttention(p.at('attentions.0'), h, groups);
  return resnetBlock(p.at('resnets.1'), h, options);
}

/** One head over all positions of x [N, C, H, W]. */
function selfAttention(p: ParameterScope, x: Value, groups: number): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const normal = groupNorm(p.at('group_norm'), x, groups, epsilon);
  const tokens = transpose(reshape(normal, [batch, channels, height * width]), [0, 2, 1]); // [N, H·W, C]
  const [q, k, v] = ['to_q', 'to_k', 'to_v'].map((part) => linear(p.at(part), tokens, channels));
  const attended = linear(p.at('to_out.0'), attention(q!, k!, v!, 1), channels);
  return add(reshape(transpose(attended, [0, 2, 1]), x.shape), x);
}

/** Attention weights as named before diffusers 0.18, by the name in use since. */
const oldAttentionNames: Readonly<Record<string, string>> = {
  to_q: 'query',
  to_k: 'key',
  to_v: 'value',
  'to_out.0': 'proj_attn',
};

/** The name that older files give the autoencoder's weight `key`, if it has one. */
export function oldVaeKey(key: string): string | undefined {
  const match = /^(.*mid_block\.attentions\.0\.)(to_q|to_k|to_v|to_out\.0)(\.\w+)$/.exec(key);
  return match ? `${match[1]}${oldAttentionNames[match[2]!]}${match[3]}` : undefined;
}
