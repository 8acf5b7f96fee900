import { add, concat, silu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, groupNorm } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { upsample } from '../../nn/resnet-block.ts';
import { blockLayers, contract, timeEmbedding } from './backbone.ts';
import type { UNetConfig } from './unet-config.ts';

/** Residuals of the spatial encoder, one a skip connection and one for the middle block. */
export interface ControlResiduals {
  readonly down: readonly Value[];
  readonly mid: Value;
}

interface UNetInputs {
  /** [N, 4, h, w], noisy. */
  readonly latents: Value;
  /** [N, C₀] sinusoid of the timestep. */
  readonly timestep: Value;
  /** [N, G] sinusoid of the guidance scale; left out where the config has no `time_cond_proj_dim`. */
  readonly guidance?: Value;
  /** [N, L, E], what the cross attention looks at. */
  readonly context: Value;
  readonly residuals?: ControlResiduals;
}

/**
 * The latent consistency UNet: predicts the noise ε in `latents`.
 * @returns [N, 4, h, w]
 * @see Rombach et al. 2022, arXiv:2112.10752; Luo et al. 2023, arXiv:2310.04378 (guidance embedding);
 *   Zhang et al. 2023, arXiv:2302.05543 (residuals)
 */
export function buildUNet(p: ParameterScope, config: UNetConfig, inputs: UNetInputs): Value {
  const { latents, timestep, guidance, context, residuals } = inputs;
  const widths = config.block_out_channels;
  const time = timeEmbedding(p.at('time_embedding'), timestep, guidance);
  const contracted = contract(p, config, convLayer(p.at('conv_in'), latents, widths[0]!), time, context);

  const skips = contracted.skips.map((skip, i) => (residuals ? add(skip, residuals.down[i]!) : skip));
  const first = skips[0]!;
  let h = residuals ? add(contracted.middle, residuals.mid) : contracted.middle;
  for (let up = 0; up < widths.length; up++) {
    const block = widths.length - 1 - up; // the down block at the same resolution
    const scope = p.at(`up_blocks.${up}`);
    const { resnet, transformer } = blockLayers(config, block, time, context);
    for (let i = 0; i <= config.layers_per_block; i++) {
      h = resnet(scope.at(`resnets.${i}`), concat([h, skips.pop()!], 1), widths[block]!);
      if (config.up_block_types[up] === 'CrossAttnUpBlock2D') h = transformer(scope.at(`attentions.${i}`), h);
    }
    if (block > 0) {
      const [, , height, width] = skips.at(-1)!.shape as [number, number, number, number];
      h = upsample(scope.at('upsamplers.0'), h, [height, width]);
    }
  }
  const normal = groupNorm(p.at('conv_norm_out'), h, config.norm_num_groups, config.norm_eps);
  const output = convLayer(p.at('conv_out'), silu(normal), config.out_channels);
  if (!config.linear_shortcut) return output;
  // What is linear in the latent and in the photo need not pass through normalisations.
  return add(output, convLayer(p.at('shortcut_out'), first, config.out_channels, { kernel: 1, bias: false }));
}
