/** The contracting half that the UNet and the spatial encoder share: time embedding, down blocks, middle block. */
import { add, silu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { resnetBlock } from '../../nn/resnet-block.ts';
import { spatialTransformer } from '../../nn/transformer.ts';
import { ofBlock, type UNetBackboneConfig } from './unet-config.ts';

/** Heads of the attention in block `block` of the contracting half. */
function headsOf(config: UNetBackboneConfig, block: number): number {
  return ofBlock(config.num_attention_heads ?? config.attention_head_dim, block);
}

/**
 * The time embedding's two layers.
 * @param sinusoid [N, C₀] of the timestep
 * @param guidance [N, G] sinusoid of the guidance scale, added before the layers through `cond_proj`
 * @returns [N, 4·C₀]
 */
export function timeEmbedding(p: ParameterScope, sinusoid: Value, guidance?: Value): Value {
  const width = sinusoid.shape[1]!;
  const h = guidance ? add(sinusoid, linear(p.at('cond_proj'), guidance, width, { bias: false })) : sinusoid;
  return linear(p.at('linear_2'), silu(linear(p.at('linear_1'), h, 4 * width)), 4 * width);
}

/** Resnet and transformer options of block `block`, whose attention looks at `context`. */
export function blockLayers(config: UNetBackboneConfig, block: number, time: Value, context: Value) {
  const { norm_num_groups: groups, norm_eps: epsilon } = config;
  return {
    resnet: (p: ParameterScope, x: Value, outChannels: number): Value =>
      resnetBlock(p, x, { outChannels, groups, epsilon, timeEmbedding: time }),
    transformer: (p: ParameterScope, x: Value): Value =>
      spatialTransformer(p, x, context, {
        heads: headsOf(config, block),
        layers: ofBlock(config.transformer_layers_per_block, block),
        groups,
        linearProjection: config.use_linear_projection,
      }),
  };
}

interface Contracted {
  /** What every layer gave, from `conv_in` on: the skip connections. */
  readonly skips: readonly Value[];
  /** After the middle block. */
  readonly middle: Value;
}

/** Down blocks and middle block over x [N, C₀, H, W], the output of `conv_in`. */
export function contract(
  p: ParameterScope,
  config: UNetBackboneConfig,
  x: Value,
  time: Value,
  context: Value,
): Contracted {
  const last = config.block_out_channels.length - 1;
  const skips = [x];
  let h = x;
  config.block_out_channels.forEach((channels, block) => {
    const scope = p.at(`down_blocks.${block}`);
    const { resnet, transformer } = blockLayers(config, block, time, context);
    for (let i = 0; i < config.layers_per_block; i++) {
      h = resnet(scope.at(`resnets.${i}`), h, channels);
      if (config.down_block_types[block] === 'CrossAttnDownBlock2D')
        h = transformer(scope.at(`attentions.${i}`), h);
      skips.push(h);
    }
    if (block < last) {
      h = convLayer(scope.at('downsamplers.0.conv'), h, channels, { stride: 2 });
      skips.push(h);
    }
  });
  const scope = p.at('mid_block');
  const { resnet, transformer } = blockLayers(config, last, time, context);
  const channels = config.block_out_channels[last]!;
  h = resnet(scope.at('resnets.0'), h, channels);
  h = transformer(scope.at('attentions.0'), h);
  return { skips, middle: resnet(scope.at('resnets.1'), h, channels) };
}
