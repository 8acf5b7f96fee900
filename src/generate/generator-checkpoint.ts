/** A text-to-image model in a checkpoint folder: which files hold it, found and parsed. */
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { type EulerConfig, eulerConfigSchema } from '../diffusion/euler-schedule.ts';
import { type SchedulerConfig, schedulerConfigSchema } from '../diffusion/lcm-schedule.ts';
import { because } from '../failure/failure.ts';
import { type UNetConfig, unetConfigSchema } from '../models/unet/unet-config.ts';
import { type VaeConfig, vaeConfigSchema } from '../models/vae/vae.ts';
import { type NetworkCheckpoint, parseConfig } from '../restore/checkpoint.ts';
import type { CheckpointStore } from '../restore/checkpoint-store.ts';
import { findWeights } from '../restore/find-weights.ts';
import { z } from '../tensor/file-schema.ts';
import type { GeneratorModel } from './generator-models.ts';

/** How a model comes from noise to a latent. */
export type GeneratorSampler =
  | { readonly kind: 'consistency'; readonly config: SchedulerConfig }
  | { readonly kind: 'euler'; readonly config: EulerConfig; readonly ancestral: boolean };

/** What a model's graphs are built from. */
export interface GeneratorConfigs {
  readonly unet: UNetConfig;
  readonly vae: VaeConfig;
}

/** A model whose files are open. */
export interface GeneratorCheckpoint {
  readonly name: string;
  readonly model: GeneratorModel;
  readonly sampler: GeneratorSampler;
  readonly unet: NetworkCheckpoint<UNetConfig>;
  readonly vae: NetworkCheckpoint<VaeConfig>;
}

/**
 * Opens the model's UNet, VAE and schedule; the text tower is opened apart, as embeddings may be stored.
 * @throws {CheckpointError} naming what is missing or cannot be used
 */
export async function openGenerator(
  store: CheckpointStore,
  model: GeneratorModel,
): Promise<GeneratorCheckpoint> {
  const unet = await openPart(store, model, 'unet', unetConfigSchema);
  const vae = await openPart(store, model, 'vae', vaeConfigSchema);
  if (vae.config.photo_fusion)
    throw new CheckpointError('its decoder needs a photo, and a text has none: take another model', {
      file: store.name,
    });
  return { name: store.name, model, unet, vae, sampler: await openSampler(store, model) };
}

/** A network as diffusers saves it. */
async function openPart<Schema extends z.ZodMiniType>(
  store: CheckpointStore,
  model: GeneratorModel,
  part: 'unet' | 'vae',
  schema: Schema,
): Promise<NetworkCheckpoint<z.output<Schema>>> {
  const folder = `${model}/${part}`;
  const file = `${folder}/config.json`;
  const names = ['safetensors', 'fp16.safetensors', 'bin'].map((end) => `diffusion_pytorch_model.${end}`);
  const weights = await findWeights(
    store,
    names.map((name) => `${folder}/${name}`),
  );
  const json = await store.readJson(file);
  if (!weights || json === undefined)
    throw because(
      new CheckpointError(`it has no ${weights ? file : `${folder}/${names[0]}`} to make images with`, {
        file: store.name,
      }),
      { code: 'no-generator', model, folder: store.name },
    );
  return { ...weights, config: parseConfig(schema, json, file) };
}

const classSchema = z.object({ _class_name: z.optional(z.string()) });

/** The schedule says by its class how it is sampled; without one the model does. */
async function openSampler(store: CheckpointStore, model: GeneratorModel): Promise<GeneratorSampler> {
  const file = `${model}/scheduler/scheduler_config.json`;
  const json = (await store.readJson(file)) ?? {};
  const byModel = { lcm: 'LCMScheduler', 'sd-turbo': 'EulerDiscreteScheduler' }[model];
  const { _class_name: name = byModel } = parseConfig(classSchema, json, file);
  switch (name) {
    case 'LCMScheduler':
      return { kind: 'consistency', config: parseConfig(schedulerConfigSchema, json, file) };
    case 'EulerDiscreteScheduler':
    case 'EulerAncestralDiscreteScheduler':
      return {
        kind: 'euler',
        config: parseConfig(eulerConfigSchema, json, file),
        ancestral: name === 'EulerAncestralDiscreteScheduler',
      };
    default:
      throw new CheckpointError(
        `its schedule is a ${name.slice(0, 80)}; LCMScheduler, EulerDiscreteScheduler and EulerAncestralDiscreteScheduler can be sampled`,
        { file },
      );
  }
}
