/** The released layout of a checkpoint: which files hold which network, found and parsed. */

import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { type SchedulerConfig, schedulerConfigSchema } from '../diffusion/lcm-schedule.ts';
import { describeIssues } from '../failure/schema-issues.ts';
import { colorFixes } from '../image/color-fix.ts';
import { shapesOf } from '../models/match-stored.ts';
import type { StoredTensors } from '../models/network-weights.ts';
import { spatialEncoderConfigSchema } from '../models/spatial-encoder/spatial-encoder.ts';
import type { UNetConfig } from '../models/unet/unet-config.ts';
import {
  inferVisualEncoderConfig,
  visualEncoderConfigSchema,
} from '../models/visual-encoder/visual-encoder.ts';
import { fileLimits } from '../tensor/file-limits.ts';
import { z } from '../tensor/file-schema.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { findWeights, openWeights } from './find-weights.ts';
import {
  type NetworkConfig,
  type NetworkName,
  networkNames,
  networks,
  samplingPath,
  schedulerPath,
  textEmbeddingPath,
  visionNetworks,
} from './networks.ts';
import { readEmbedding } from './stored-embedding.ts';

export interface NetworkCheckpoint<Config> {
  readonly config: Config;
  readonly tensors: StoredTensors;
  /** Path of the weights, for reports. */
  readonly path: string;
  /** Whether the config was read off the weights, as of released encoders, which come without. */
  readonly inferred?: boolean;
}

/** How a model is best sampled, where it is not told otherwise. */
const samplingSchema = z.strictObject({
  steps: z.optional(z.int().check(z.positive())),
  startStep: z.optional(z.int().check(z.positive())),
  guidanceScale: z.optional(z.number()),
  colorFix: z.optional(z.enum(colorFixes)),
  fidelity: z.optional(z.number().check(z.gte(0), z.lte(1))),
  /** Side of the square image, in pixels. */
  imageSize: z.optional(z.int().check(z.positive(), z.lte(fileLimits.network.side))),
  /** False of a model that was trained without it, as in the paper's ablations: what it gives is taken as zero. */
  visualEncoder: z.optional(z.boolean()),
  spatialEncoder: z.optional(z.boolean()),
  /** `text` of a model that was trained with a text's embedding as the condition, which lies beside this file. */
  condition: z.optional(z.enum(['photo', 'text'])),
});
export type SamplingDefaults = z.infer<typeof samplingSchema>;

type OpenedNetworks = { readonly [Name in NetworkName]: NetworkCheckpoint<NetworkConfig<Name>> };

type VisionNetwork = (typeof visionNetworks)[number];

/** Without `context` the vision networks are there. */
export interface Checkpoint
  extends Omit<OpenedNetworks, VisionNetwork>,
    Partial<Pick<OpenedNetworks, VisionNetwork>> {
  readonly name: string;
  /** [1, L, E]: the condition of every face, such as a text's embedding, in place of what is made of the photo. */
  readonly context?: HostTensor | undefined;
  readonly scheduler: SchedulerConfig;
  readonly sampling: SamplingDefaults;
}

export interface CheckpointOverrides {
  /** Path of other weights for the visual encoder, such as the one-step release's. */
  readonly visualEncoder?: string;
  readonly spatialEncoder?: string;
  /** [1, L, E]: see {@link Checkpoint.context}. */
  readonly context?: HostTensor | undefined;
}

/**
 * Opens the checkpoint in a store: `lcm/{unet,vae,scheduler}`, `clip`, `interlcm/{visual,spatial}_encoder.pth`.
 * @throws {CheckpointError} naming what is missing or cannot be used
 */
export async function openCheckpoint(
  store: CheckpointStore,
  overrides: CheckpointOverrides = {},
): Promise<Checkpoint> {
  const context = overrides.context ?? (await openStoredCondition(store));
  const names = networkNames.filter((name) => !context || !isVision(name));
  return { ...(await openNetworks(store, names, overrides)), context };
}

/** The networks that a checkpoint was opened with. */
export function networksOfCheckpoint(checkpoint: Checkpoint): [NetworkName, NetworkCheckpoint<unknown>][] {
  return networkNames.flatMap((name) => {
    const network = checkpoint[name];
    return network ? [[name, network] as [NetworkName, NetworkCheckpoint<unknown>]] : [];
  });
}

function isVision(name: NetworkName): boolean {
  return (visionNetworks as readonly NetworkName[]).includes(name);
}

/** The text's embedding that a model was trained with, if it was. */
async function openStoredCondition(store: CheckpointStore): Promise<HostTensor | undefined> {
  const sampling = parseConfig(samplingSchema, (await store.readJson(samplingPath)) ?? {}, samplingPath);
  if (sampling.condition !== 'text') return undefined;
  const opened = await store.openTensors(textEmbeddingPath);
  if (!opened)
    throw new CheckpointError(
      `it was trained with a text, whose ${textEmbeddingPath} is missing: copy it from where the weights come from`,
      { file: store.name },
    );
  return readEmbedding(opened.file);
}

/** Opens some of a checkpoint's networks, its schedule and how it is sampled. @throws as {@link openCheckpoint} */
export async function openNetworks<Name extends NetworkName>(
  store: CheckpointStore,
  names: readonly Name[],
  overrides: CheckpointOverrides = {},
): Promise<Pick<OpenedNetworks, Name> & Pick<Checkpoint, 'name' | 'scheduler' | 'sampling'>> {
  const schedulerJson = await store.readJson(schedulerPath);
  const samplingJson = await store.readJson(samplingPath);
  const opened: Partial<Record<NetworkName, NetworkCheckpoint<unknown>>> = {};
  for (const name of names) opened[name] = await openNetwork(store, name, overrides);
  const scheduler = parseConfig(schedulerConfigSchema, schedulerJson ?? {}, schedulerPath);
  const sampling = parseConfig(samplingSchema, samplingJson ?? {}, samplingPath);
  requireInSchedule(scheduler, sampling);
  return {
    name: store.name,
    scheduler,
    sampling,
    ...opened,
  } as Pick<OpenedNetworks, Name> & Pick<Checkpoint, 'name' | 'scheduler' | 'sampling'>;
}

function requireInSchedule(scheduler: SchedulerConfig, { steps, startStep = 1 }: SamplingDefaults): void {
  const most = scheduler.original_inference_steps;
  const problem =
    steps !== undefined && steps > most
      ? `"steps" is ${steps}, the schedule has ${most}`
      : startStep > (steps ?? most)
        ? `"startStep" is ${startStep}, after the last of ${steps ?? most} steps`
        : undefined;
  if (problem !== undefined) throw new CheckpointError(problem, { file: samplingPath });
}

/** Those of the networks that the store has weights of. */
export async function findNetworks(store: CheckpointStore): Promise<NetworkName[]> {
  const found: NetworkName[] = [];
  for (const name of networkNames)
    if (await findWeights(store, networks[name].files.weights)) found.push(name);
  return found;
}

async function openNetwork(
  store: CheckpointStore,
  name: NetworkName,
  overrides: CheckpointOverrides,
): Promise<NetworkCheckpoint<unknown>> {
  const weights = await openWeights(store, name, overrides);
  const infer = inferConfig[name];
  // The config of an encoder lies beside whichever of its weights are there.
  const path = infer ? weights.path.replace(/\.\w+$/, '.json') : networks[name].files.config;
  const json = await store.readJson(path);
  if (json === undefined && infer)
    return { ...weights, config: await infer(weights.tensors, store, weights.path), inferred: true };
  return { ...weights, config: requireConfig(store, path, networks[name].schema, json), inferred: false };
}

/** Released encoders come without a config: then it is read off the tensors. */
const inferConfig: {
  readonly [Name in NetworkName]?: (
    tensors: StoredTensors,
    store: CheckpointStore,
    path: string,
  ) => NetworkConfig<Name> | Promise<NetworkConfig<Name>>;
} = {
  visualEncoder(tensors, _, path) {
    const config = inferVisualEncoderConfig(shapesOf({ tensors }));
    if (!config)
      throw new CheckpointError('these are no weights of a visual encoder: blocks.0.weight is missing', {
        file: path,
      });
    return parseConfig(visualEncoderConfigSchema, config, path);
  },
  async spatialEncoder(tensors, store, path) {
    const { files, schema } = networks.unet;
    const unet = requireConfig(store, files.config, schema, await store.readJson(files.config));
    return parseConfig(spatialEncoderConfigSchema, spatialEncoderConfigOf(unet, shapesOf({ tensors })), path);
  },
};

/** @throws {CheckpointError} that lists what is wrong with the config */
export function parseConfig<Schema extends z.ZodMiniType>(
  schema: Schema,
  json: unknown,
  path: string,
): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = describeIssues(parsed.error, 'value');
  throw new CheckpointError(`it describes a network that cannot be built: ${issues}`, { file: path });
}

function requireConfig<Schema extends z.ZodMiniType>(
  store: CheckpointStore,
  path: string,
  schema: Schema,
  json: unknown,
): z.output<Schema> {
  if (json === undefined)
    throw new CheckpointError(`it has no ${path}: copy it from where the weights come from`, {
      file: store.name,
    });
  return parseConfig(schema, json, path);
}

/** A spatial encoder is made from its UNet: only the condition's widths are its own. */
function spatialEncoderConfigOf(
  unet: UNetConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
): z.input<typeof spatialEncoderConfigSchema> {
  const widths: number[] = [];
  const condition = 'controlnet_cond_embedding';
  const first = shapes.get(`${condition}.conv_in.weight`);
  if (first) widths.push(first[0]!);
  for (let i = 1; shapes.has(`${condition}.blocks.${i}.weight`); i += 2)
    widths.push(shapes.get(`${condition}.blocks.${i}.weight`)![0]!);
  return { ...unet, ...(widths.length > 0 && { conditioning_embedding_out_channels: widths }) };
}
