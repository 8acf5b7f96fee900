/** The networks of a training run: their configs, and which weights start where. */

import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { type SchedulerConfig, schedulerConfigSchema } from '../diffusion/lcm-schedule.ts';
import { because } from '../failure/failure.ts';
import { describeIssues } from '../failure/schema-issues.ts';
import { type ParameterScope, parameterScope } from '../nn/parameter-scope.ts';
import { type Checkpoint, type NetworkCheckpoint, networksOfCheckpoint } from '../restore/checkpoint.ts';
import {
  type NetworkConfig,
  type NetworkName,
  networkNames,
  networks,
  visionNetworks,
} from '../restore/networks.ts';
import type { z } from '../tensor/file-schema.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import type { TrainConfig } from './train-config.ts';

/** Configs of the networks that a stage is made of. */
export type NetworkConfigs = {
  readonly scheduler: SchedulerConfig;
  /** [1, L, E]: the condition of every sample, where a text is it. */
  readonly context?: HostTensor | undefined;
} & {
  readonly [Name in NetworkName]?: NetworkConfig<Name>;
};

/** One scope a network, so that a parameter used in several places is one value. */
export type NetworkScopes = Readonly<Record<NetworkName, ParameterScope>>;
/** A scope for every network; a parameter asked for twice is one value. */
export function networkScopes(): NetworkScopes {
  const scopes = networkNames.map((name) => [name, parameterScope(networks[name].prefix)]);
  return Object.fromEntries(scopes) as NetworkScopes;
}

/** Networks that a stage needs, whatever their weights are. */
function networksOfStage(config: TrainConfig): readonly NetworkName[] {
  switch (config.stage) {
    case 'autoencoder':
      return ['vae'];
    case 'diffusion':
    case 'consistency': {
      const condition =
        typeof config.condition === 'string' && config.condition !== 'none' ? visionNetworks : [];
      const control = config.stage === 'diffusion' && config.control ? (['spatialEncoder'] as const) : [];
      return ['vae', 'unet', ...condition, ...control];
    }
    case 'interlcm':
      return [
        'vae',
        'unet',
        ...(config.visualEncoder && config.condition === 'low' ? visionNetworks : []),
        ...(config.spatialEncoder ? (['spatialEncoder'] as const) : []),
      ];
  }
}

/**
 * Configs of the stage's networks: those of the start checkpoint with the run's own settings over them.
 * @param start networks of the checkpoint that the run starts from, as far as it has them
 * @throws {CheckpointError} if a network is neither in the checkpoint nor described by the run
 * @throws {TypeError} if settings are invalid, or the spatial encoder's blocks are not the UNet's
 */
export function joinConfigs(
  config: TrainConfig,
  start: { readonly scheduler: SchedulerConfig } & {
    readonly [Name in NetworkName]?: NetworkCheckpoint<unknown>;
  },
): NetworkConfigs {
  const joined: Partial<Record<NetworkName, unknown>> = {};
  for (const name of networksOfStage(config)) {
    const own = config.networks[name];
    // A spatial encoder is by default the contracting half of its UNet.
    const base = (start[name]?.config ?? (name === 'spatialEncoder' ? joined.unet : undefined)) as
      | object
      | undefined;
    if (!base && !own)
      throw because(new CheckpointError(`there is no ${name} to start from`, { file: 'config' }), {
        code: 'network-missing',
        network: name,
        use: 'start',
      });
    joined[name] = parse(networks[name].schema, { ...base, ...own }, `networks.${name}`);
  }
  const scheduler = parse(
    schedulerConfigSchema,
    { ...start.scheduler, ...config.networks.scheduler },
    'networks.scheduler',
  );
  const configs = { scheduler, ...joined } as NetworkConfigs;
  requireSameBlocks(configs);
  return configs;
}

/** The spatial encoder gives one residual for each of the UNet's skip connections. */
function requireSameBlocks({ unet, spatialEncoder }: NetworkConfigs): void {
  if (!unet || !spatialEncoder) return;
  for (const key of ['block_out_channels', 'layers_per_block'] as const)
    if (String(spatialEncoder[key]) !== String(unet[key]))
      throw new TypeError(
        `Cannot train with networks.spatialEncoder: its ${key}, ${spatialEncoder[key]}, must be that of the UNet, ${unet[key]}`,
      );
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, json: unknown, where: string): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new TypeError(`Cannot train with ${where}: ${describeIssues(parsed.error)}`);
}

/** @throws {TypeError} if the stage has no such network */
export function requireConfig<Name extends NetworkName>(
  configs: NetworkConfigs,
  name: Name,
): NonNullable<NetworkConfigs[Name]> {
  const config = configs[name];
  if (!config) throw new TypeError(`This stage has no ${name}`);
  return config as NonNullable<NetworkConfigs[Name]>;
}

/** The configs of a whole checkpoint. */
export function networkConfigs(checkpoint: Checkpoint): NetworkConfigs {
  const configs = networksOfCheckpoint(checkpoint).map(([name, { config }]) => [name, config]);
  const { scheduler, context } = checkpoint;
  return { scheduler, context, ...Object.fromEntries(configs) };
}
