/** What a training run was started with; kept in the run's folder. */
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { parseTrainConfig, type TrainConfig, textConditionOf } from '../../../train/train-config.ts';
import { writeFileAtomically } from '../files/atomic-write.ts';
import type { TrainingSource } from './training-files.ts';

export interface RunSettings {
  readonly config: TrainConfig;
  readonly images: TrainingSource;
  /** Other images for validation; some of the training images are held back unless given. */
  readonly validation?: TrainingSource | undefined;
  /** Checkpoint folder with the networks to start from. */
  readonly from?: string | undefined;
  /** File with the UNet weights that a new spatial encoder starts from, if not the checkpoint's. */
  readonly spatialStart?: string | undefined;
}

export const settingsFile = 'run.json';

/** @throws {Error} if no run was started in the folder */
export async function readSettings(folder: string): Promise<RunSettings> {
  const file = path.join(folder, settingsFile);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`Cannot resume ${folder}: it has no ${settingsFile}, so no run was started there`, {
      cause,
    });
  });
  const json = JSON.parse(text) as RunSettings;
  return { ...json, config: parseTrainConfig(json.config, file) };
}

/** Writes the settings into a run's folder, in place of those that are there. */
export async function writeSettings(folder: string, settings: RunSettings): Promise<void> {
  await writeFileAtomically(path.join(folder, settingsFile), `${JSON.stringify(settings, null, 2)}\n`);
}

/**
 * The same settings for whoever goes on with the run: its files are found from any working folder, and it starts from
 * the checkpoint that a name such as `runs/a/latest` leads to now.
 */
export async function pinPaths({
  config,
  from,
  spatialStart,
  ...settings
}: RunSettings): Promise<RunSettings> {
  return {
    ...settings,
    config: pinEmbedding(pinLossFiles(config)),
    // What is missing is reported where it is opened.
    ...(from !== undefined && { from: await realpath(from).catch(() => path.resolve(from)) }),
    ...(spatialStart !== undefined && { spatialStart: path.resolve(spatialStart) }),
  };
}

function pinEmbedding(config: TrainConfig): TrainConfig {
  const condition = textConditionOf(config);
  if (!condition || 'text' in condition) return config;
  return { ...config, condition: { embedding: path.resolve(condition.embedding) } } as TrainConfig;
}

/** Settings of losses that are files. */
const fileSettings = ['vgg', 'linear', 'model'];

function pinLossFiles(config: TrainConfig): TrainConfig {
  const losses = Object.entries(config.losses).map(([name, loss]: [string, object]) => {
    const files = Object.entries(loss).filter(([setting]) => fileSettings.includes(setting));
    const pinned = files.map(([setting, file]) => [setting, path.resolve(file as string)]);
    return [name, { ...loss, ...Object.fromEntries(pinned) }];
  });
  return { ...config, losses: Object.fromEntries(losses) };
}
