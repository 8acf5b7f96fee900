import { add, silu } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { patchConv } from '../../nn/patches.ts';
import { fileLimits } from '../../tensor/file-limits.ts';
import { z } from '../../tensor/file-schema.ts';
import { width } from '../config-numbers.ts';
import { contract, timeEmbedding } from '../unet/backbone.ts';
import type { ControlResiduals } from '../unet/unet.ts';
import { unetBackboneSchema } from '../unet/unet-config.ts';

/** diffusers' ControlNetModel config, and below it what a small one gains by. */
export const spatialEncoderConfigSchema = z.extend(unetBackboneSchema, {
  conditioning_channels: z._default(width, 3),
  /** None where the photo is read by its frequencies alone. */
  conditioning_embedding_out_channels: z._default(
    z.array(width).check(z.maxLength(fileLimits.network.blocks)),
    [16, 32, 96, 256],
  ),
  controlnet_conditioning_channel_order: z._default(z.literal('rgb'), 'rgb'),
  global_pool_conditions: z._default(z.literal(false), false),
  /** Frequencies of each patch of the photo that are read beside the conditioning embedding; 0: none. */
  conditioning_frequencies: z._default(z.int().check(z.nonnegative(), z.lte(fileLimits.network.width)), 0),
});
type SpatialEncoderConfig = z.infer<typeof spatialEncoderConfigSchema>;

interface SpatialEncoderInputs {
  /** [N, 4, h, w] */
  readonly latents: Value;
  /** [N, C₀] sinusoid of the timestep. */
  readonly timestep: Value;
  /** [N, L, E] */
  readonly context: Value;
  /** The low-quality image, [N, 3, 8h, 8w] in [-1, 1]. */
  readonly image: Value;
}

/**
 * The spatial encoder: a ControlNet whose condition is the low-quality image itself.
 * @returns the residuals for the UNet's skip connections and middle block
 * @see Zhang et al. 2023, arXiv:2302.05543
 */
export function buildSpatialEncoder(
  p: ParameterScope,
  config: SpatialEncoderConfig,
  { latents, timestep, context, image }: SpatialEncoderInputs,
): ControlResiduals {
  const time = timeEmbedding(p.at('time_embedding'), timestep);
  const channels = config.block_out_channels[0]!;
  const x = add(
    convLayer(p.at('conv_in'), latents, channels),
    conditionEmbedding(p.at('controlnet_cond_embedding'), config, image, latents.shape),
  );
  const { skips, middle } = contract(p, config, x, time, context);
  const down = skips.map((skip, i) =>
    convLayer(p.at(`controlnet_down_blocks.${i}`), skip, skip.shape[1]!, { kernel: 1 }),
  );
  const mid = convLayer(p.at('controlnet_mid_block'), middle, middle.shape[1]!, { kernel: 1 });
  return { down, mid };
}

/**
 * What the spatial encoder reads of the photo: [N, 3, f·h, f·w] → [N, C₀, h, w].
 * @throws {TypeError} if the config leaves nothing to read
 */
function conditionEmbedding(
  p: ParameterScope,
  config: SpatialEncoderConfig,
  image: Value,
  latentShape: Shape,
): Value {
  const { block_out_channels, conditioning_frequencies: count } = config;
  const width = block_out_channels[0]!;
  const embedding = convolvedCondition(p, config, image);
  if (count === 0) {
    if (!embedding)
      throw new TypeError('This spatial encoder reads neither widths nor frequencies of a photo');
    return embedding;
  }
  const side = image.shape[3]! / latentShape[3]!;
  const frequencies = patchConv(p.at('linear_shortcut'), image, side, count, { bias: false });
  const read = convLayer(p.at('frequencies_in'), frequencies, width);
  return embedding ? add(embedding, read) : read;
}

/** Pairs of convolutions, the second of each halves the sides. */
function convolvedCondition(
  p: ParameterScope,
  config: SpatialEncoderConfig,
  image: Value,
): Value | undefined {
  const widths = config.conditioning_embedding_out_channels;
  if (widths.length === 0) return undefined;
  let h = silu(convLayer(p.at('conv_in'), image, widths[0]!));
  for (let i = 0; i + 1 < widths.length; i++) {
    h = silu(convLayer(p.at(`blocks.${2 * i}`), h, widths[i]!));
    h = silu(convLayer(p.at(`blocks.${2 * i + 1}`), h, widths[i + 1]!, { stride: 2 }));
  }
  return convLayer(p.at('conv_out'), h, config.block_out_channels[0]!);
}
