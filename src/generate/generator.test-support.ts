import type { GeneratorJson } from './published-configs.ts';

const vae = { block_out_channels: [16, 16, 16, 16], layers_per_block: 1, norm_num_groups: 8 };
const unet = {
  block_out_channels: [16, 32, 32, 32],
  layers_per_block: 1,
  attention_head_dim: 2,
  norm_num_groups: 8,
  sample_size: 8,
};
const text = { vocab_size: 200, num_hidden_layers: 2, intermediate_size: 64 };

/** The published topologies, small enough for tests. */
export const smallGenerators = {
  lcm: {
    unet: { ...unet, cross_attention_dim: 768, time_cond_proj_dim: 256 },
    vae,
    text: { ...text, hidden_size: 768, num_attention_heads: 12 },
  },
  'sd-turbo': {
    unet: { ...unet, attention_head_dim: [2, 4, 4, 4], cross_attention_dim: 64, use_linear_projection: true },
    vae,
    text: { ...text, hidden_size: 64, num_attention_heads: 4, hidden_act: 'gelu' },
  },
} as const satisfies Record<string, GeneratorJson>;
