/** Stable Diffusion's KL autoencoder (Rombach et al. 2022, arXiv:2112.10752), encoder and decoder. */

import { add, attention, mul, relu, reshape, silu, slice, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, groupNorm, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { fromPatches, patchConv, toPatches } from '../../nn/patches.ts';
import { resnetBlock, upsample } from '../../nn/resnet-block.ts';
import { singleNormBlock } from '../../nn/single-norm-block.ts';
import { z } from '../../tensor/file-schema.ts';
import { layersOfBlock, side, width, widthsOfBlocks } from '../config-numbers.ts';

/** diffusers' AutoencoderKL config, and below it what a small autoencoder gains by. */
export const vaeConfigSchema = z
  .object({
    in_channels: z._default(width, 3),
    out_channels: z._default(width, 3),
    block_out_channels: widthsOfBlocks,
    layers_per_block: z._default(layersOfBlock, 2),
    latent_channels: z._default(width, 4),
    norm_num_groups: z._default(width, 32),
    scaling_factor: z._default(z.number().check(z.positive()), 0.18215),
    /** Side of the squares of pixels that the networks see as channels of one position. */
    patch_size: z._default(side, 1),
    /**
     * Channels at half the image's size, between the decoder's last level and the image; none unless given. Where each
     * patch is made at once of as many numbers as it has, its edges show.
     */
    detail_channels: z.optional(width),
    /** Whether a linear map from patches of pixels to the latent, and one back, runs beside the networks. */
    linear_shortcut: z._default(z.boolean(), false),
    /** Stable Diffusion's residual blocks, or `singleNormBlock`s, which keep the width. */
    block_type: z._default(z.enum(['resnet', 'single_norm']), 'resnet'),
    /** How sides are halved and doubled: by 3×3 convolutions, or by a linear map of squares of four positions. */
    resampling: z._default(z.enum(['convolution', 'patches']), 'convolution'),
    /** Whether encoder and decoder have a middle block, with attention. */
    add_mid_block: z._default(z.boolean(), true),
    /** Whether the decoder can be given the photo that the latent comes from: see {@link Photo}. */
    photo_fusion: z._default(z.boolean(), false),
    act_fn: z._default(z.literal('silu'), 'silu'),
  })
  .check(
    z.refine(({ detail_channels, patch_size }) => detail_channels === undefined || patch_size % 2 === 0, {
      path: ['detail_channels'],
      error: 'needs an even patch_size',
    }),
  );
export type VaeConfig = z.infer<typeof vaeConfigSchema>;

const epsilon = 1e-6;

/** Image pixels per latent position, along a side. */
export function vaeScaleFactor(config: VaeConfig): number {
  return config.patch_size * 2 ** (config.block_out_channels.length - 1);
}

/** The posterior of an image, and what the encoder saw on the way. */
interface Encoded {
  /** [N, latent_channels, H/f, W/f], unscaled */
  readonly mean: Value;
  /** the same shape */
  readonly logVariance: Value;
  /** The output of each level, [N, block_out_channels[k], H/(p·2ᵏ), W/(p·2ᵏ)] with patches of p pixels. */
  readonly features: readonly Value[];
}

/** @param image [N, 3, H, W] in [-1, 1] */
export function buildVaeEncoder(p: ParameterScope, config: VaeConfig, image: Value): Encoded {
  const { block_out_channels: widths, norm_num_groups: groups, latent_channels: channels } = config;
  const scope = p.at('encoder');
  const features: Value[] = [];
  let h = convLayer(scope.at('conv_in'), toPatches(image, config.patch_size), widths[0]!);
  widths.forEach((outChannels, block) => {
    const down = scope.at(`down_blocks.${block}`);
    for (let i = 0; i < config.layers_per_block; i++)
      h = residualBlock(down.at(`resnets.${i}`), config, h, outChannels);
    features.push(h);
    if (block + 1 < widths.length)
      h = halveSides(down.at('downsamplers.0.conv'), config, h, widths[block + 1]!);
  });
  if (config.add_mid_block) h = middleBlock(scope.at('mid_block'), config, h);
  h = convLayer(
    scope.at('conv_out'),
    silu(groupNorm(scope.at('conv_norm_out'), h, groups, epsilon)),
    2 * channels,
  );
  const moments = convLayer(p.at('quant_conv'), h, 2 * channels, { kernel: 1 });
  const mean = slice(moments, 1, 0, channels);
  const logVariance = slice(moments, 1, channels, 2 * channels);
  if (!config.linear_shortcut) return { mean, logVariance, features };
  const shortcut = scope.at('linear_shortcut');
  const linearMean = patchConv(shortcut, image, vaeScaleFactor(config), channels, { bias: false });
  return { mean: add(mean, linearMean), logVariance, features };
}

/** A low-quality photo beside the latent of its restoration. */
export interface Photo {
  /** [N, 3, f·h, f·w] in [-1, 1] */
  readonly image: Value;
  /** {@link Encoded.features} of it */
  readonly features: readonly Value[];
  /** [N, 1, 1, 1] in 0..1: how far the image follows the photo. At 0 the photo plays no part. */
  readonly fidelity: Value;
}

/**
 * The image of a latent. Given the photo, its features are added at each level as far as `fidelity` says, and what the
 * network corrects goes from the latent's linear image, at 0, to the photo itself, from 0.5 on.
 * @param latent [N, latent_channels, h, w], unscaled
 * @returns [N, 3, f·h, f·w], about [-1, 1]
 * @throws {TypeError} if the config has no `photo_fusion` for a photo
 * @see Zhou et al. 2022 (CodeFormer), arXiv:2206.11253, section 3.3, whose feature transformation has such a weight
 */
export function buildVaeDecoder(p: ParameterScope, config: VaeConfig, latent: Value, photo?: Photo): Value {
  if (photo && !config.photo_fusion) throw new TypeError('This decoder takes no photo');
  const { norm_num_groups: groups } = config;
  const widths = [...config.block_out_channels].reverse();
  const scope = p.at('decoder');
  let h = convLayer(p.at('post_quant_conv'), latent, config.latent_channels, { kernel: 1 });
  h = convLayer(scope.at('conv_in'), h, widths[0]!);
  if (config.add_mid_block) h = middleBlock(scope.at('mid_block'), config, h);
  widths.forEach((outChannels, block) => {
    const up = scope.at(`up_blocks.${block}`);
    if (photo) {
      const features = photo.features[widths.length - 1 - block]!;
      const seen = convLayer(up.at('photo_fusion'), features, h.shape[1]!, { kernel: 1 });
      h = add(h, mul(seen, photo.fidelity));
    }
    for (let i = 0; i <= config.layers_per_block; i++)
      h = residualBlock(up.at(`resnets.${i}`), config, h, outChannels);
    if (block + 1 < widths.length) h = doubleSides(up.at('upsamplers.0'), config, h, widths[block + 1]!);
  });
  const normal = groupNorm(scope.at('conv_norm_out'), h, groups, epsilon);
  const image = imageOf(scope, config, silu(normal));
  const base = baseImage(scope, config, latent, photo);
  return base ? add(image, base) : image;
}

/** @param h of the last level, [N, C, H/p, W/p] with patches of p pixels */
function imageOf(p: ParameterScope, config: VaeConfig, h: Value): Value {
  const { out_channels: channels, patch_size: side, detail_channels: detail } = config;
  if (detail === undefined) return fromPatches(convLayer(p.at('conv_out'), h, channels * side ** 2), side);
  const enlarged = fromPatches(
    convLayer(p.at('detail.conv_in'), h, detail * (side / 2) ** 2, { kernel: 1 }),
    side / 2,
  );
  const hidden = convLayer(p.at('detail.conv'), silu(enlarged), detail);
  return fromPatches(convLayer(p.at('detail.conv_out'), silu(hidden), channels * 4), 2);
}

/**
 * What the decoder's network corrects: the latent's linear image, from fidelity 0.5 on the photo, or what lies between
 * them. A part of the linear image beside the photo would show its patches, as dots on smooth skin.
 */
function baseImage(p: ParameterScope, config: VaeConfig, latent: Value, photo?: Photo): Value | undefined {
  const linearShare = photo && relu(add(mul(photo.fidelity, -2), 1));
  const followed = photo && mul(photo.image, add(mul(linearShare!, -1), 1));
  if (!config.linear_shortcut) return followed;
  const factor = vaeScaleFactor(config);
  const depth = config.out_channels * factor ** 2;
  const patches = convLayer(p.at('linear_shortcut'), latent, depth, { kernel: 1, bias: false });
  const linearImage = fromPatches(patches, factor);
  return followed ? add(mul(linearImage, linearShare!), followed) : linearImage;
}

function residualBlock(p: ParameterScope, config: VaeConfig, x: Value, outChannels: number): Value {
  const { norm_num_groups: groups } = config;
  if (config.block_type === 'resnet') return resnetBlock(p, x, { outChannels, groups, epsilon });
  const same = x.shape[1] === outChannels;
  const widened = same ? x : convLayer(p.at('conv_shortcut'), x, outChannels, { kernel: 1 });
  return singleNormBlock(p, widened, groups, epsilon);
}

/** @param nextChannels of the next level, which patches are mapped to at once */
function halveSides(p: ParameterScope, config: VaeConfig, x: Value, nextChannels: number): Value {
  if (config.resampling === 'patches') return patchConv(p, x, 2, nextChannels);
  // Padded on the right and at the bottom only.
  return convLayer(p, x, x.shape[1]!, { stride: 2, padding: [0, 0, 1, 1] });
}

/** @param nextChannels as in {@link halveSides} */
function doubleSides(p: ParameterScope, config: VaeConfig, x: Value, nextChannels: number): Value {
  if (config.resampling === 'patches')
    return fromPatches(convLayer(p.at('conv'), x, 4 * nextChannels, { kernel: 1 }), 2);
  return upsample(p, x, [2 * x.shape[2]!, 2 * x.shape[3]!]);
}

function middleBlock(p: ParameterScope, config: VaeConfig, x: Value): Value {
  const outChannels = x.shape[1]!;
  let h = residualBlock(p.at('resnets.0'), config, x, outChannels);
  h = selfAttention(p.at('attentions.0'), h, config.norm_num_groups);
  return residualBlock(p.at('resnets.1'), config, h, outChannels);
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
