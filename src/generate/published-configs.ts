/** Sizes of the published text-to-image models, as their config.json say: to count by, without their files. */
import { clipTextConfigSchema } from '../models/clip-text/clip-text.ts';
import { unetConfigSchema } from '../models/unet/unet-config.ts';
import { vaeConfigSchema } from '../models/vae/vae.ts';
import type { GeneratorConfigs } from './generator-checkpoint.ts';
import type { GeneratorModel } from './generator-models.ts';

/** Configs by part, as they stand in JSON. */
export interface GeneratorJson {
  readonly unet: Readonly<Record<string, unknown>>;
  readonly vae: Readonly<Record<string, unknown>>;
  readonly text: Readonly<Record<string, unknown>>;
}

const vae = { block_out_channels: [128, 256, 512, 512], layers_per_block: 2, norm_num_groups: 32 };

export const publishedGenerators: { readonly [Model in GeneratorModel]: GeneratorJson } = {
  lcm: {
    unet: {
      block_out_channels: [320, 640, 1280, 1280],
      attention_head_dim: 8,
      cross_attention_dim: 768,
      time_cond_proj_dim: 256,
      sample_size: 96,
    },
    vae,
    text: { hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12 },
  },
  'sd-turbo': {
    unet: {
      block_out_channels: [320, 640, 1280, 1280],
      attention_head_dim: [5, 10, 20, 20],
      cross_attention_dim: 1024,
      use_linear_projection: true,
      sample_size: 64,
    },
    vae,
    text: {
      hidden_size: 1024,
      intermediate_size: 4096,
      num_hidden_layers: 23,
      num_attention_heads: 16,
      hidden_act: 'gelu',
    },
  },
};

/** Parsed configs of a model of these sizes. */
export function parseGeneratorConfigs({ unet, vae, text }: GeneratorJson) {
  return {
    unet: unetConfigSchema.parse(unet),
    vae: vaeConfigSchema.parse(vae),
    text: clipTextConfigSchema.parse(text),
  } satisfies GeneratorConfigs & { text: unknown };
}
