/** The five networks of a model, and where a checkpoint in the released layout holds them: the one table of both. */

import { clipConfigSchema } from '../models/clip/clip.ts';
import type { WeightRules } from '../models/network-weights.ts';
import { spatialEncoderConfigSchema } from '../models/spatial-encoder/spatial-encoder.ts';
import { unetConfigSchema } from '../models/unet/unet-config.ts';
import { oldVaeKey, vaeConfigSchema } from '../models/vae/vae.ts';
import { visualEncoderConfigSchema } from '../models/visual-encoder/visual-encoder.ts';
import { prefixOf } from '../nn/parameter-scope.ts';
import type { z } from '../tensor/file-schema.ts';

/** Paths of one network's files, relative to the checkpoint's folder. */
interface NetworkFiles {
  readonly config: string;
  /** Weights, in the order in which they are looked for. */
  readonly weights: readonly string[];
  /** Where weights of each precision are written. */
  readonly float32: string;
  readonly float16: string;
  /** Where a training run writes them, as the published one does. */
  readonly trained: string;
}

interface NetworkEntry {
  /** In words, for messages. */
  readonly label: string;
  /** Stands before its parameters' keys in their full names, `unet/conv_in.weight`. */
  readonly prefix: string;
  /** Of its config. */
  readonly schema: z.ZodMiniType;
  readonly rules: WeightRules;
  readonly files: NetworkFiles;
}

export const networks = {
  unet: {
    label: 'LCM UNet',
    prefix: 'unet',
    schema: unetConfigSchema,
    rules: {},
    files: pretrainedFiles('lcm/unet', 'diffusion_pytorch_model', 'diffusion_pytorch_model.bin'),
  },
  vae: {
    label: 'VAE',
    prefix: 'vae',
    schema: vaeConfigSchema,
    rules: { oldKey: oldVaeKey },
    files: pretrainedFiles('lcm/vae', 'diffusion_pytorch_model', 'diffusion_pytorch_model.bin'),
  },
  clip: {
    label: 'CLIP image tower',
    prefix: 'clip',
    schema: clipConfigSchema,
    rules: { unused: /^(text_model\.|text_projection|visual_projection|logit_scale)|\.position_ids$/ },
    files: pretrainedFiles('clip', 'model', 'pytorch_model.bin'),
  },
  visualEncoder: {
    label: 'visual encoder',
    prefix: 've',
    schema: visualEncoderConfigSchema,
    rules: {},
    files: encoderFiles('interlcm/visual_encoder'),
  },
  spatialEncoder: {
    label: 'spatial encoder',
    prefix: 'se',
    schema: spatialEncoderConfigSchema,
    rules: {},
    files: encoderFiles('interlcm/spatial_encoder'),
  },
} as const satisfies Readonly<Record<string, NetworkEntry>>;

export type NetworkName = keyof typeof networks;
export type NetworkConfig<Name extends NetworkName> = z.output<(typeof networks)[Name]['schema']>;

export const networkNames = Object.keys(networks) as readonly NetworkName[];

/** The networks that make a condition of the photo; where a text is the condition they are not needed. */
export const visionNetworks = ['clip', 'visualEncoder'] as const satisfies readonly NetworkName[];

/** The network that a parameter's full name belongs to. */
export function networkOf(parameter: string): NetworkName | undefined {
  const prefix = prefixOf(parameter);
  return networkNames.find((name) => networks[name].prefix === prefix);
}

/** The folders that a checkpoint's files lie in. */
export const checkpointFolders = ['lcm', 'clip', 'interlcm'] as const;
/**
 * Where users have those folders as well: in a whole pipeline, as clones of the hub's repositories, in the hub's cache
 * (`models--…`), with files lying loose at the top ('').
 */
export const otherFolders: Readonly<Partial<Record<string, readonly string[]>>> = {
  lcm: ['', 'LCM_Dreamshaper_v7', 'models--SimianLuo--LCM_Dreamshaper_v7'],
  clip: ['clip-vit-base-patch16', 'models--openai--clip-vit-base-patch16'],
  interlcm: ['InterLCM', 'models--senmaonk--InterLCM', ''],
  'sd-turbo': ['', 'models--stabilityai--sd-turbo'],
};
export const schedulerPath = 'lcm/scheduler/scheduler_config.json';
/** Not among the released files. */
export const samplingPath = 'interlcm/sampling.json';
/** The condition of models that were trained with a text in place of the photo's tokens; not among the released files. */
export const textEmbeddingPath = 'interlcm/text_embedding.safetensors';

/** As diffusers and transformers save a network. */
function pretrainedFiles(folder: string, name: string, pickled: string): NetworkFiles {
  const [float32, float16] = [`${folder}/${name}.safetensors`, `${folder}/${name}.fp16.safetensors`];
  return {
    config: `${folder}/config.json`,
    weights: [float32, float16, `${folder}/${pickled}`],
    float32,
    float16,
    trained: float32,
  };
}

/** As InterLCM's encoders were published: archives that hold weights and their running averages. */
function encoderFiles(path: string): NetworkFiles {
  const [archive, safetensors] = [`${path}.pth`, `${path}.safetensors`];
  return {
    config: `${path}.json`,
    weights: ['', '_3step', '_1step'].flatMap((steps) =>
      ['pth', 'safetensors'].map((ending) => `${path}${steps}.${ending}`),
    ),
    float32: safetensors,
    float16: safetensors,
    trained: archive,
  };
}
