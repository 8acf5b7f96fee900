/** The networks that a training run starts from, opened from a checkpoint as far as it has them. */

import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import type { TensorFile } from '../../../checkpoint/tensor-entry.ts';
import { openTensorFile, readTensor } from '../../../checkpoint/tensor-file.ts';
import { type SchedulerConfig, schedulerConfigSchema } from '../../../diffusion/lcm-schedule.ts';
import { because } from '../../../failure/failure.ts';
import type { BindParameter } from '../../../graph/onnx/emit-model.ts';
import type { Shape } from '../../../graph/value.ts';
import {
  bindWeights,
  type StoredTensor,
  type StoredTensors,
  type WeightRules,
} from '../../../models/network-weights.ts';
import type { UNetConfig } from '../../../models/unet/unet-config.ts';
import { keyOf, parameterName, prefixOf } from '../../../nn/parameter-scope.ts';
import { findNetworks, type NetworkCheckpoint, openNetworks } from '../../../restore/checkpoint.ts';
import { type NetworkName, networkNames, networkOf, networks } from '../../../restore/networks.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { elementCount, formatShape, type HostTensor, sameShape } from '../../../tensor/host-tensor.ts';
import { identityMap, type LayerCounts, type WeightStart, weightStart } from '../../../train/deeper-start.ts';
import { joinConfigs, type NetworkConfigs } from '../../../train/stage-networks.ts';
import type { StageNetworks } from '../../../train/stages/build-stage.ts';
import { teacherPrefix } from '../../../train/stages/consistency.ts';
import { type TrainConfig, textConditionOf } from '../../../train/train-config.ts';
import { openFileSource } from '../files/file-source.ts';
import { openCheckpointFolder } from '../model/checkpoint-store.ts';
import { openTextContext } from '../model/text-context.ts';

type Opened = { readonly scheduler: SchedulerConfig } & {
  readonly [Name in NetworkName]?: NetworkCheckpoint<unknown>;
};

export interface StartNetworks {
  readonly networks: StageNetworks;
  /** Folder of the checkpoint, if there is one. */
  readonly folder: string | undefined;
  /** The stored values of a parameter, or those that an added layer starts with; undefined for random ones. */
  readonly startWeight: (name: string, shape: Shape) => Promise<Float32Array | undefined>;
  readonly bindFrozen: BindParameter;
  close(): Promise<void>;
}

export interface StartOptions {
  /** Runs the text tower, where a text is the condition. */
  readonly runtime: Runtime;
  /** File with the weights of a UNet that a new spatial encoder starts from; the checkpoint's UNet unless given. */
  readonly spatialStart?: string | undefined;
}

/**
 * @param folder of the checkpoint
 * @throws {CheckpointError} if the folder holds no network, or one is neither there nor described by the config
 * @throws {TypeError} if `spatialStart` is given to a run that has no use for it
 */
export async function openStartNetworks(
  config: TrainConfig,
  folder: string | undefined,
  { runtime, spatialStart }: StartOptions,
): Promise<StartNetworks> {
  const store = folder === undefined ? undefined : await openCheckpointFolder(folder);
  const spatialSource = spatialStart === undefined ? undefined : await openFileSource(spatialStart);
  const close = async (): Promise<void> => {
    await store?.close();
    await spatialSource?.close();
  };
  try {
    const opened: Opened = store
      ? await openNetworks(store, await findNetworks(store))
      : { scheduler: schedulerConfigSchema.parse({}) };
    if (folder !== undefined && networkNames.every((name) => !opened[name]))
      throw new CheckpointError(
        `it holds no network to start from: looked for ${networkNames.map((name) => networks[name].files.weights[0]).join(', ')}`,
        { file: folder },
      );
    if (spatialStart !== undefined) requireNewSpatialEncoder(config, opened, spatialStart, folder);
    const context = await openCondition(config, folder, runtime);
    const configs = { ...joinConfigs(config, opened), context };
    const stored = storedByName(opened);
    const bind = await bindWeights(stored);
    const storedName = (name: string): string => findName(stored, name);
    const contracting = spatialSource
      ? storedTensorsOf(await openTensorFile(spatialSource))
      : opened.unet?.tensors;
    return {
      networks: { configs, teacher: opened.unet?.config as UNetConfig | undefined },
      folder,
      async startWeight(name, shape) {
        const start = startOf(name, opened, configs);
        if (start === 'zero') return new Float32Array(elementCount(shape));
        if (start === 'identity') return identityMap(shape);
        if (start === 'random') return undefined;
        const tensor =
          stored.get(storedName(start.stored)) ??
          (opened.spatialEncoder ? undefined : unetWeight(contracting, name, shape));
        if (!tensor) return undefined;
        requireShape(name, shape, tensor, folder!);
        return (await readTensor(tensor.file, tensor.entry.name)).data;
      },
      bindFrozen(name, shape) {
        const tensor = stored.get(storedName(name));
        if (!tensor)
          throw because(
            new CheckpointError(`it has no ${name}, and the run does not train that network`, {
              file: folder ?? 'config',
            }),
            { code: 'network-missing', network: name, use: 'frozen' },
          );
        requireShape(name, shape, tensor, folder!);
        return bind(storedName(name), shape);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The embedding of the text that is the run's condition, if one is. */
async function openCondition(
  config: TrainConfig,
  checkpoint: string | undefined,
  runtime: Runtime,
): Promise<HostTensor | undefined> {
  const condition = textConditionOf(config);
  if (!condition) return undefined;
  if ('text' in condition && checkpoint === undefined)
    throw because(
      new CheckpointError('a text is the condition, and there is no checkpoint whose text tower encodes it', {
        file: 'config',
      }),
      { code: 'network-missing', network: 'text_encoder', use: 'teacher' },
    );
  return openTextContext(condition, { checkpoint: checkpoint ?? '', runtime });
}

function requireNewSpatialEncoder(
  { train }: TrainConfig,
  { spatialEncoder }: Opened,
  spatialStart: string,
  folder: string | undefined,
): void {
  const start = `Cannot start a spatial encoder from ${spatialStart}`;
  if (!train.includes('spatialEncoder'))
    throw because(new TypeError(`${start}: the config does not train one`), { code: 'spatial-start-unused' });
  if (spatialEncoder)
    throw because(
      new TypeError(`${start}: ${folder} has one, ${spatialEncoder.path}, which the run would go on from`),
      { code: 'spatial-start-unused', found: spatialEncoder.path },
    );
}

/** Where a parameter starts by the layers of its network, as stored and as the run has them. `stored` is a full name. */
function startOf(name: string, opened: Opened, configs: NetworkConfigs): WeightStart {
  const network = networkOf(name);
  const from = network && opened[network]?.config;
  if (!from || !('layers_per_block' in (from as object))) return { stored: name };
  const start = weightStart(keyOf(name), from as LayerCounts, configs[network] as LayerCounts);
  return typeof start === 'string' ? start : { stored: parameterName(prefixOf(name), start.stored) };
}

function storedByName(opened: Opened): Map<string, StoredTensor> {
  const stored = new Map<string, StoredTensor>();
  for (const name of networkNames)
    for (const [key, tensor] of opened[name]?.tensors ?? [])
      stored.set(parameterName(networks[name].prefix, key), tensor);
  for (const [key, tensor] of opened.unet?.tensors ?? [])
    stored.set(parameterName(teacherPrefix, key), tensor);
  return stored;
}

/** The name a parameter is stored under: its own, or the one in older files. */
function findName(stored: ReadonlyMap<string, StoredTensor>, name: string): string {
  const network = networkOf(name);
  if (stored.has(name) || !network) return name;
  const { prefix, rules } = networks[network];
  const { oldKey }: WeightRules = rules;
  return parameterName(prefix, oldKey?.(keyOf(name)) ?? keyOf(name));
}

/** A spatial encoder starts as a copy of a UNet's contracting half (Zhang et al. 2023, arXiv:2302.05543). */
function unetWeight(unet: StoredTensors | undefined, name: string, shape: Shape): StoredTensor | undefined {
  if (networkOf(name) !== 'spatialEncoder') return undefined;
  const tensor = unet?.get(keyOf(name));
  return tensor && sameShape(tensor.entry.shape, shape) ? tensor : undefined;
}

function storedTensorsOf(file: TensorFile): StoredTensors {
  return new Map([...file.tensors].map(([key, entry]) => [key, { entry, file, location: '' }]));
}

function requireShape(name: string, shape: Shape, { entry }: StoredTensor, file: string): void {
  if (!sameShape(entry.shape, shape))
    throw new CheckpointError(
      `its ${name} is ${formatShape(entry.shape)}, the run's network needs ${formatShape(shape)}. Let "networks" in the config agree with the checkpoint`,
      { file },
    );
}
