import { fileLimits } from '../../tensor/file-limits.ts';
import { z } from '../../tensor/file-schema.ts';
import { layersOfBlock, side, width, widthsOfBlocks } from '../config-numbers.ts';

const widthPerBlock = z.union([width, widthsOfBlocks]);
const layersPerBlock = z.union([
  layersOfBlock,
  z.array(layersOfBlock).check(z.maxLength(fileLimits.network.blocks)),
]);

/** What the UNet and the spatial encoder share of diffusers' config.json; other keys are ignored. */
export const unetBackboneSchema = z.object({
  in_channels: z._default(width, 4),
  block_out_channels: widthsOfBlocks,
  layers_per_block: z._default(layersOfBlock, 2),
  down_block_types: z._default(
    z.array(z.enum(['CrossAttnDownBlock2D', 'DownBlock2D'])).check(z.maxLength(fileLimits.network.blocks)),
    ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  ),
  mid_block_type: z._default(z.literal('UNetMidBlock2DCrossAttn'), 'UNetMidBlock2DCrossAttn'),
  /** The number of heads, whatever its name says. */
  attention_head_dim: z._default(widthPerBlock, 8),
  num_attention_heads: z.nullish(widthPerBlock),
  transformer_layers_per_block: z._default(layersPerBlock, 1),
  cross_attention_dim: z._default(width, 768),
  norm_num_groups: z._default(width, 32),
  norm_eps: z._default(z.number().check(z.positive()), 1e-5),
  use_linear_projection: z._default(z.boolean(), false),
  flip_sin_to_cos: z._default(z.boolean(), true),
  freq_shift: z._default(z.number(), 0),
  act_fn: z._default(z.literal('silu'), 'silu'),
  only_cross_attention: z._default(z.literal(false), false),
  resnet_time_scale_shift: z._default(z.literal('default'), 'default'),
  class_embed_type: z._default(z.null(), null),
  addition_embed_type: z._default(z.null(), null),
  downsample_padding: z._default(z.literal(1), 1),
  mid_block_scale_factor: z._default(z.literal(1), 1),
});

/** config.json of the latent consistency UNet (diffusers' UNet2DConditionModel). */
export const unetConfigSchema = z.extend(unetBackboneSchema, {
  /** Side of the latent it was trained on. */
  sample_size: z._default(side, 64),
  out_channels: z._default(width, 4),
  up_block_types: z._default(
    z.array(z.enum(['CrossAttnUpBlock2D', 'UpBlock2D'])).check(z.maxLength(fileLimits.network.blocks)),
    ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  ),
  /** Width of the guidance embedding; null for a UNet without one. */
  time_cond_proj_dim: z._default(z.nullable(width), null),
  /** Whether a linear map from the first skip connection to the output runs beside the network; not diffusers'. */
  linear_shortcut: z._default(z.boolean(), false),
});

export type UNetBackboneConfig = z.infer<typeof unetBackboneSchema>;
export type UNetConfig = z.infer<typeof unetConfigSchema>;

/** A setting that is one number for all blocks or one a block. */
export function ofBlock(setting: number | readonly number[], block: number): number {
  return typeof setting === 'number' ? setting : setting[block]!;
}
