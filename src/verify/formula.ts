/**
 * Weights, noise and an image by formula: each value is a hash of the tensor's name and the element's index, so that
 * one small file of expected numbers checks networks of any size.
 */
import { z } from 'zod';
import { schedulerConfigSchema } from '../diffusion/lcm-schedule.ts';
import { parametersOf } from '../graph/graph.ts';
import type { Shape } from '../graph/value.ts';
import { clipConfigSchema, clipTokenCount } from '../models/clip/clip.ts';
import { spatialEncoderConfigSchema } from '../models/spatial-encoder/spatial-encoder.ts';
import { unetConfigSchema } from '../models/unet/unet-config.ts';
import { vaeConfigSchema, vaeScaleFactor } from '../models/vae/vae.ts';
import { visualEncoderConfigSchema } from '../models/visual-encoder/visual-encoder.ts';
import type { Checkpoint } from '../restore/checkpoint.ts';
import { networkNames, networkOf, networks, schedulerPath } from '../restore/networks.ts';
import { buildRestorationGraphs } from '../restore/restoration-graphs.ts';
import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

/** 32-bit FNV-1a of a name's UTF-8 bytes. */
function fnv1a(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The 32-bit word of element `index` under the hash of a name. */
function word(hash: number, index: number): number {
  let x = (hash + Math.imul(index, 0x9e3779b1)) | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x21f0aaad);
  x ^= x >>> 15;
  x = Math.imul(x, 0x735a2d97);
  x ^= x >>> 15;
  return x >>> 0;
}

/** How a tensor is filled: element i is offset + scale·v_i with v_i uniform in [-1, 1). */
export interface FormulaRange {
  readonly offset: number;
  readonly scale: number;
}

/** What a weight's name and shape say of its range: uniform, scaled by fan-in; gains about one; biases small. */
export function formulaRange(name: string, shape: Shape): FormulaRange {
  if (shape.length >= 2) return { offset: 0, scale: Math.sqrt(3 / elementCount(shape.slice(1))) };
  return name.endsWith('.weight') ? { offset: 1, scale: 0.1 } : { offset: 0, scale: 0.05 };
}

/** The weight `name`, in the range that its name and shape give unless another is given. */
export function formulaWeight(
  name: string,
  shape: Shape,
  { offset, scale }: FormulaRange = formulaRange(name, shape),
): Float32Array {
  const values = new Float32Array(elementCount(shape));
  const hash = fnv1a(name);
  for (let i = 0; i < values.length; i++) values[i] = offset + ((2 * word(hash, i)) / 2 ** 32 - 1) * scale;
  return values;
}

/** Noise number k, standard normal. */
export function formulaNoise(k: number, shape: Shape): HostTensor {
  return formulaNormal(`noise${k}`, shape);
}

/** Standard normal values by Box and Muller from the hash of a name. */
export function formulaNormal(name: string, shape: Shape): HostTensor {
  const noise = hostTensor(shape);
  const hash = fnv1a(name);
  const unit = (i: number): number => (word(hash, i) + 0.5) / 2 ** 32;
  for (let i = 0; i < noise.data.length; i++)
    noise.data[i] = Math.sqrt(-2 * Math.log(unit(2 * i))) * Math.cos(2 * Math.PI * unit(2 * i + 1));
  return noise;
}

/** An image, [batch, 3, size, size]: waves and a little noise; the low-quality image unless another name is given. */
export function formulaImage(batch: number, size: number, name = 'lq'): HostTensor {
  const image = hostTensor([batch, 3, size, size]);
  const hash = fnv1a(name);
  for (let i = 0; i < image.data.length; i++) {
    const x = i % size;
    const y = Math.floor(i / size) % size;
    const c = Math.floor(i / (size * size)) % 3;
    const wave = Math.sin(2 * Math.PI * ((3 * x) / size + c / 3)) * Math.cos((2 * Math.PI * 2 * y) / size);
    image.data[i] = 0.6 * wave + 0.2 * ((2 * word(hash, i)) / 2 ** 32 - 1);
  }
  return image;
}

/** Sizes of a formula model: configs of the networks, the image, the schedule. */
export const formulaSpecSchema = z.object({
  image_size: z.number().int().positive(),
  batch: z.number().int().positive(),
  num_inference_steps: z.number().int().positive(),
  unet: z.record(z.string(), z.unknown()),
  conditioning_embedding_out_channels: z.array(z.number().int().positive()),
  vae: z.record(z.string(), z.unknown()),
  clip: z.record(z.string(), z.unknown()),
  visual_encoder: z.record(z.string(), z.unknown()),
});
export type FormulaSpec = z.infer<typeof formulaSpecSchema>;

/** Stable Diffusion 1.5's sizes at 512×512: what the released weights have. */
export const sd15Spec: FormulaSpec = {
  image_size: 512,
  batch: 1,
  num_inference_steps: 4,
  unet: {
    block_out_channels: [320, 640, 1280, 1280],
    layers_per_block: 2,
    attention_head_dim: 8,
    norm_num_groups: 32,
    cross_attention_dim: 768,
  },
  conditioning_embedding_out_channels: [16, 32, 96, 256],
  vae: { block_out_channels: [128, 256, 512, 512], layers_per_block: 2, norm_num_groups: 32 },
  clip: { image_size: 224, patch_size: 16, hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12 },
  visual_encoder: { nf: 64 },
};

/** The same topology small enough for tests and pages. */
export const microSpec: FormulaSpec = {
  image_size: 64,
  batch: 1,
  num_inference_steps: 4,
  unet: {
    block_out_channels: [16, 32, 32, 32],
    layers_per_block: 1,
    attention_head_dim: 2,
    norm_num_groups: 8,
    cross_attention_dim: 768,
  },
  conditioning_embedding_out_channels: [8, 8, 16, 16],
  vae: { block_out_channels: [16, 16, 16, 16], layers_per_block: 1, norm_num_groups: 8 },
  clip: { image_size: 32, patch_size: 16, hidden_size: 768, num_hidden_layers: 1, num_attention_heads: 12 },
  visual_encoder: { nf: 16 },
};

/** The files of a formula checkpoint in the released layout: JSON configs, and tensors by network. */
interface FormulaFiles {
  readonly configs: Readonly<Record<string, unknown>>;
  readonly weights: Readonly<Record<string, ReadonlyMap<string, Shape>>>;
}

/**
 * Lays out a formula checkpoint.
 * @returns configs by path, and for each weight file the full parameter names with their shapes
 */
export function formulaFiles(spec: FormulaSpec): FormulaFiles {
  const vae = vaeConfigSchema.parse(spec.vae);
  const unetJson = {
    ...spec.unet,
    time_cond_proj_dim: 256,
    sample_size: spec.image_size / vaeScaleFactor(vae),
  };
  const spatialJson = {
    ...unetJson,
    conditioning_embedding_out_channels: spec.conditioning_embedding_out_channels,
  };
  const clip = clipConfigSchema.parse(spec.clip);
  const visualJson = { ...spec.visual_encoder, emb_dim: clipTokenCount(clip) };
  const bare = { tensors: new Map(), path: '' };
  const checkpoint: Checkpoint = {
    name: 'formula',
    scheduler: schedulerConfigSchema.parse({}),
    sampling: {},
    unet: { ...bare, config: unetConfigSchema.parse(unetJson) },
    vae: { ...bare, config: vae },
    clip: { ...bare, config: clip },
    visualEncoder: { ...bare, config: visualEncoderConfigSchema.parse(visualJson) },
    spatialEncoder: { ...bare, config: spatialEncoderConfigSchema.parse(spatialJson) },
  };
  const graphs = buildRestorationGraphs(checkpoint, {
    batch: spec.batch,
    height: spec.image_size,
    width: spec.image_size,
  });
  const parameters = parametersOf(Object.values(graphs).flatMap((stage) => Object.values(stage)));
  const weights = networkNames.map((network) => {
    const own = [...parameters].filter(([name]) => networkOf(name) === network);
    return [networks[network].files.float32, new Map(own.map(([name, value]) => [name, value.shape]))];
  });
  return {
    configs: {
      [networks.unet.files.config]: unetJson,
      [networks.vae.files.config]: spec.vae,
      [networks.clip.files.config]: { vision_config: spec.clip },
      [networks.visualEncoder.files.config]: visualJson,
      [networks.spatialEncoder.files.config]: spatialJson,
      [schedulerPath]: {},
    },
    weights: Object.fromEntries(weights),
  };
}
