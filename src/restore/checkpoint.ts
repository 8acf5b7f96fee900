/** The released layout of a checkpoint: which files hold which network, found and parsed. */

import { z } from 'zod';
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { type SchedulerConfig, schedulerConfigSchema } from '../diffusion/lcm-schedule.ts';
import { describeIssues } from '../failure/schema-issues.ts';
import { colorFixes } from '../image/color-fix.ts';
import type { StoredTensors } from '../models/network-weights.ts';
import { spatialEncoderConfigSchema } from '../models/spatial-encoder/spatial-encoder.ts';
import type { UNetConfig } from '../models/unet/unet-config.ts';
import {
  inferVisualEncoderConfig,
  visualEncoderConfigSchema,
} from '../models/visual-encoder/visual-encoder.ts';
import { fileLimits } from '../tensor/file-limits.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { findWeights, openWeights } from './find-weights.ts';
import {
  type NetworkConfig,
  type NetworkName,
  networkNames,
  networks,
  samplingPath,
  schedulerPath,
} from './networks.ts';

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
  steps: z.number().int().positive().optional(),
  startStep: z.number().int().positive().optional(),
  guidanceScale: z.number().optional(),
  colorFix: z.enum(colorFixes).optional(),
  fidelity: z.number().min(0).max(1).optional(),
  /** Side of the square image, in pixels. */
  imageSize: z.number().int().positive().max(fileLimits.network.side).optional(),
  /** False of a model that was trained without it, as in the paper's ablations: what it gives is taken as zero. */
  visualEncoder: z.boolean().optional(),
  spatialEncoder: z.boolean().optional(),
});
export type SamplingDefaults = z.infer<typeof samplingSchema>;

type OpenedNetworks = { readonly [Name in NetworkName]: NetworkCheckpoint<NetworkConfig<Name>> };

export interface Checkpoint extends OpenedNetworks {
  readonly name: string;
  readonly scheduler: SchedulerConfig;
  readonly sampling: SamplingDefaults;
}

export interface CheckpointOverrides {
  /** Path of other weights for the visual encoder, such as the one-step release's. */
  readonly visualEncoder?: string;
  readonly spatialEncoder?: string;
}

/**
 * Opens the checkpoint in a store: `lcm/{unet,vae,scheduler}`, `clip`, `interlcm/{visual,spatial}_encoder.pth`.
 * @throws {CheckpointError} naming what is missing or cannot be used
 */
export function openCheckpoint(
  store: CheckpointStore,
  overrides: CheckpointOverrides = {},
): Promise<Checkpoint> {
  return openNetworks(store, networkNames, overrides);
}

/** Opens some of a checkpoint's networks, its schedule and how it is sampled. @throws as {@link openCheckpoint} */
export async function openNetworks<Name extends NetworkName>(
  store: CheckpointStore,
  names: readonly Name[],
  overrides: CheckpointOverrides = {},
): Promise<Pick<Checkpoint, Name | 'name' | 'scheduler' | 'sampling'>> {
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
  } as Pick<Checkpoint, Name | 'name' | 'scheduler' | 'sampling'>;
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
    const config = inferVisualEncoderConfig(shapesOf(tensors));
    if (!config)
      throw new CheckpointError('these are no weights of a visual encoder: blocks.0.weight is missing', {
        file: path,
      });
    return parseConfig(visualEncoderConfigSchema, config, path);
  },
  async spatialEncoder(tensors, store, path) {
    const { files, schema } = networks.unet;
    const unet = requireConfig(store, files.config, schema, await store.readJson(files.config));
    return parseConfig(spatialEncoderConfigSchema, spatialEncoderConfigOf(unet, shapesOf(tensors)), path);
  },
};

function shapesOf(tensors: StoredTensors): Map<string, readonly number[]> {
  return new Map([...tensors].map(([key, { entry }]) => [key, entry.shape]));
}

function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  path: string,
): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = describeIssues(parsed.error, 'value');
  throw new CheckpointError(`it describes a network that cannot be built: ${issues}`, { file: path });
}

function requireConfig<Schema extends z.ZodType>(
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
