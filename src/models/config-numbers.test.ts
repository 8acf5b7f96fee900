import { expect, it } from 'vitest';
import { schedulerConfigSchema } from '../diffusion/lcm-schedule.ts';
import { clipConfigSchema } from './clip/clip.ts';
import { spatialEncoderConfigSchema } from './spatial-encoder/spatial-encoder.ts';
import { unetConfigSchema } from './unet/unet-config.ts';
import { vaeConfigSchema } from './vae/vae.ts';
import { inferVisualEncoderConfig, visualEncoderConfigSchema } from './visual-encoder/visual-encoder.ts';

const schemas = {
  unet: [unetConfigSchema, { block_out_channels: [32, 64] }],
  vae: [vaeConfigSchema, { block_out_channels: [32, 64] }],
  clip: [clipConfigSchema, {}],
  visualEncoder: [visualEncoderConfigSchema, { nf: 64, emb_dim: 197 }],
  spatialEncoder: [spatialEncoderConfigSchema, { block_out_channels: [32, 64] }],
  scheduler: [schedulerConfigSchema, {}],
} as const;

it.each<[network: keyof typeof schemas, key: string, value: unknown]>([
  ['unet', 'layers_per_block', 1e9],
  ['unet', 'layers_per_block', 1000],
  ['unet', 'transformer_layers_per_block', 1e9],
  ['unet', 'transformer_layers_per_block', [1, 1e6]],
  ['unet', 'block_out_channels', [1e9]],
  ['unet', 'block_out_channels', Array.from({ length: 1e5 }, () => 32)],
  ['unet', 'attention_head_dim', Array.from({ length: 1e5 }, () => 8)],
  ['unet', 'down_block_types', Array.from({ length: 1e5 }, () => 'DownBlock2D')],
  ['unet', 'norm_num_groups', 1e9],
  ['unet', 'cross_attention_dim', 1e9],
  ['unet', 'time_cond_proj_dim', 1e9],
  ['unet', 'sample_size', 1e9],
  ['unet', 'in_channels', 1e9],
  ['vae', 'layers_per_block', 1e9],
  ['vae', 'latent_channels', 1e9],
  ['vae', 'patch_size', 1e9],
  ['vae', 'block_out_channels', Array.from({ length: 40 }, () => 32)],
  ['clip', 'num_hidden_layers', 1e9],
  ['clip', 'image_size', 1e9],
  ['clip', 'hidden_size', 1e9],
  ['visualEncoder', 'res_blocks', 1e9],
  ['visualEncoder', 'emb_dim', 1e9],
  ['visualEncoder', 'ch_mult', Array.from({ length: 1e5 }, () => 1)],
  ['spatialEncoder', 'layers_per_block', 1e9],
  ['spatialEncoder', 'conditioning_embedding_out_channels', Array.from({ length: 1e5 }, () => 16)],
  ['spatialEncoder', 'conditioning_frequencies', 1e9],
  ['scheduler', 'num_train_timesteps', 1e9],
  ['scheduler', 'num_train_timesteps', 100_001],
])('refuses a %s whose %s is beyond its limit', (network, key, value) => {
  const [schema, rest] = schemas[network];
  expect(schema.safeParse(rest).success).toBe(true);
  const { error } = schema.safeParse({ ...rest, [key]: value });
  expect(error?.issues.some(({ path }) => path[0] === key)).toBe(true);
});

it('reads the config of a visual encoder off names that go on for ever', () => {
  const shapes = new Map([
    ['blocks.0.weight', [512, 197, 3]],
    ['blocks.999999999999.weight', [77, 128, 3]],
  ]);
  expect(inferVisualEncoderConfig(shapes)?.res_blocks ?? 0).toBe(0);
});
