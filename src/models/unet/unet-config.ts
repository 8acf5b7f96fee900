import { z } from 'zod';
import { fileLimits } from '../../tensor/file-limits.ts';
import { layersOfBlock, side, width, widthsOfBlocks } from '../config-numbers.ts';

const widthPerBlock = z.union([width, widthsOfBlocks]);
const layersPerBlock = z.union([layersOfBlock, z.array(layersOfBlock).max(fileLimits.network.blocks)]);

/** What the UNet and the spatial encoder share of diffusers' config.json; other keys are ignored. */
export const unetBackboneSchema = z.object({
  in_channels: width.default(4),
  block_out_channels: widthsOfBlocks,
  layers_per_block: layersOfBlock.default(2),
  down_block_types: z
    .array(z.enum(['CrossAttnDownBlock2D', 'DownBlock2D']))
    .max(fileLimits.network.blocks)
    .default(['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D']),
  mid_block_type: z.literal('UNetMidBlock2DCrossAttn').default('UNetMidBlock2DCrossAttn'),
  /** The number of heads, whatever its name says. */
  attention_head_dim: widthPerBlock.default(8),
  num_attention_heads: widthPerBlock.nullish(),
  transformer_layers_per_block: layersPerBlock.default(1),
  cross_attention_dim: width.default(768),
  norm_num_groups: width.default(32),
  norm_eps: z.number().positive().default(1e-5),
  use_linear_projection: z.boolean().default(false),
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().default(0),
  act_fn: z.literal('silu').default('silu'),
  only_cross_attention: z.literal(false).default(false),
  resnet_time_scale_shift: z.literal('default').default('default'),
  class_embed_type: z.null().default(null),
  addition_embed_type: z.null().default(null),
  downsample_padding: z.literal(1).default(1),
  mid_block_scale_factor: z.literal(1).default(1),
});

/** config.json of the latent consistency UNet (diffusers' UNet2DConditionModel). */
export const unetConfigSchema = unetBackboneSchema.extend({
  /** Side of the latent it was trained on. */
  sample_size: side.default(64),
  out_channels: width.default(4),
  up_block_types: z
    .array(z.enum(['CrossAttnUpBlock2D', 'UpBlock2D']))
    .max(fileLimits.network.blocks)
    .default(['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D']),
  /** Width of the guidance embedding; null for a UNet without one. */
  time_cond_proj_dim: width.nullable().default(null),
  /** Whether a linear map from the first skip connection to the output runs beside the network; not diffusers'. */
  linear_shortcut: z.boolean().default(false),
});

export type UNetBackboneConfig = z.infer<typeof unetBackboneSchema>;
export type UNetConfig = z.infer<typeof unetConfigSchema>;

/** A setting that is one number for all blocks or one a block. */
export function ofBlock(setting: number | readonly number[], block: number): number {
  return typeof setting === 'number' ? setting : setting[block]!;
}
