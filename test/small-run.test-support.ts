/** Networks and pictures for training runs that take seconds. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

/** All that the stage `interlcm` trains without a visual encoder, in two levels of `width` channels. */
export const smallNetworks = (width: number) => ({
  vae: { block_out_channels: [width, width], layers_per_block: 1, norm_num_groups: 4, latent_channels: 4 },
  unet: {
    in_channels: 4,
    out_channels: 4,
    block_out_channels: [width, width],
    layers_per_block: 1,
    down_block_types: ['DownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'UpBlock2D'],
    attention_head_dim: 2,
    cross_attention_dim: 12,
    norm_num_groups: 4,
  },
  spatialEncoder: { conditioning_embedding_out_channels: [8, 8] },
});

/** Makes a folder of `count` pictures of waves, `side` pixels high and wide. */
export async function writeWaves(folder: string, count: number, side: number): Promise<void> {
  await mkdir(folder);
  for (let i = 0; i < count; i++) {
    const data = Uint8Array.from(
      { length: side * side * 3 },
      (_, k) => 128 + 120 * Math.sin(k * 0.02 * (i + 1)),
    );
    await sharp(data, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(join(folder, `${i}.png`));
  }
}
