/** A training run in a folder: its config, its log, and its saved iterations, from which it goes on. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { contactSheet } from '../../image/contact-sheet.ts';
import { tensorToPixels } from '../../image/pixel-tensor.ts';
import type { BytePixels } from '../../image/pixels.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { elementCount, type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { parseTrainConfig, type TrainConfig } from '../../train/config.ts';
import { createTrainer, type Trainer, type ValidationResult } from '../../train/trainer.ts';
import type { TrainingBatch, TrainingData, TrainingDataSettings } from '../../train/training-data.ts';
import { writeFileAtomically } from './atomic-write.ts';
import { openPerceptualNetwork } from './perceptual-files.ts';
import { openStartNetworks, type StartNetworks } from './start-networks.ts';
import { openTrainLog, type TrainLog } from './train-log.ts';
import { readTrainState, writeIteration } from './train-state.ts';
import { openTrainingData } from './training-data.ts';
import type { TrainingSource } from './training-files.ts';

/** What a run was started with; kept in the run's folder. */
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

export interface TrainEvents {
  readonly begin?: (doneIterations: number, iterations: number) => void;
  /** Before long work, such as loading. */
  readonly note?: (text: string) => void;
  readonly step?: (iteration: number, values: Readonly<Record<string, number>>) => void;
  readonly validated?: (iteration: number, values: Readonly<Record<string, number>>) => void;
  readonly saved?: (iteration: number, folder: string) => void;
}

export interface TrainOptions extends TrainEvents {
  readonly runtime: Runtime;
  /** Saves and ends the run at the next iteration. */
  readonly signal?: AbortSignal | undefined;
}

const settingsFile = 'run.json';
const iterationPattern = /^iteration-(\d+)$/;
/** What a killed run leaves when it was saving. */
const unfinishedPattern = /^(iteration-\d+|latest)\.[0-9a-f]+\.tmp$/;
/** Saved iterations that stay: the last, and the one before in case the last is damaged. */
const keptIterations = 2;

/**
 * Starts a run in a new folder and trains to the end.
 * @throws {Error} if the folder holds a run already
 */
export async function startRun(folder: string, settings: RunSettings, options: TrainOptions): Promise<void> {
  const entries: string[] = await readdir(folder).catch(() => []);
  if (entries.includes(settingsFile))
    throw new Error(
      `Cannot start a run in ${folder}: there is one already. Go on with it by --resume ${folder}, or choose another folder`,
    );
  await train(folder, settings, 0, options);
}

/**
 * Goes on with a run from its last saved iteration, exactly as if it had not stopped.
 * @param change settings changed on the way, such as a larger number of iterations
 */
export async function resumeRun(
  folder: string,
  options: TrainOptions,
  change: (config: unknown) => unknown = (config) => config,
): Promise<void> {
  const settings = await readSettings(folder);
  const config = parseTrainConfig(change(settings.config), path.join(folder, settingsFile));
  for (const name of await readdir(folder))
    if (unfinishedPattern.test(name)) await rm(path.join(folder, name), { recursive: true, force: true });
  const saved = await savedIterations(folder);
  await train(folder, { ...settings, config }, saved.at(-1) ?? 0, options);
}

async function readSettings(folder: string): Promise<RunSettings> {
  const file = path.join(folder, settingsFile);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`Cannot resume ${folder}: it has no ${settingsFile}, so no run was started there`, {
      cause,
    });
  });
  const json = JSON.parse(text) as RunSettings;
  return { ...json, config: parseTrainConfig(json.config, file) };
}

/** In rising order. */
async function savedIterations(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => iterationPattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

const iterationFolder = (folder: string, iteration: number): string =>
  path.join(folder, `iteration-${String(iteration).padStart(6, '0')}`);

async function train(
  folder: string,
  settings: RunSettings,
  done: number,
  options: TrainOptions,
): Promise<void> {
  const { config, images, validation, from } = settings;
  const { runtime, signal, note } = options;
  note?.('opening images and networks');
  const start = await openStartNetworks(config, from, settings.spatialStart);
  const dataSettings = {
    ...config.data,
    seed: config.seed,
    degradation: needsDegraded(config) ? config.data.degradation : null,
  };
  const heldBack = (position: number, count: number): boolean =>
    !validation && isHeldBack(position, count, config.validationImages);
  const data = await openTrainingData(images, dataSettings, {
    outputFolder: folder,
    select: (position, count) => !heldBack(position, count),
  });
  let trainer: Trainer | undefined;
  let log: TrainLog | undefined;
  try {
    const shown = await validationBatch(
      config,
      dataSettings,
      validation ?? images,
      validation ? () => true : heldBack,
    );
    note?.('building the graph');
    trainer = await createTrainer({
      config,
      networks: start.networks,
      runtime,
      startWeight: start.startWeight,
      bindFrozen: start.bindFrozen,
      perceptual: config.losses.perceptual && (await openPerceptualNetwork(config.losses.perceptual)),
    });
    if (done > 0) await readTrainState(iterationFolder(folder, done), trainer.state);
    else if (trainer.drawn.length > 0) note?.(drawnNote(trainer.drawn));
    // Only now is it a run: whatever is wrong with the settings has shown.
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(path.join(folder, settingsFile), `${JSON.stringify(settings, null, 2)}\n`);
    log = await openTrainLog(folder, done);
    await loop(folder, config, done, trainer, start, data, shown, log, options);
  } finally {
    await log?.close();
    await trainer?.release();
    await data.close();
    await start.close();
  }
  signal?.throwIfAborted();
}

/** Only stages with a condition on the degraded image need one made. */
function needsDegraded(config: TrainConfig): boolean {
  if (config.stage === 'autoencoder') return config.input === 'low';
  if (config.stage === 'interlcm') return true;
  return config.condition === 'low' || (config.stage === 'diffusion' && config.control);
}

function drawnNote(names: readonly string[]): string {
  const networks = [...new Set(names.map((name) => name.slice(0, name.indexOf('/'))))];
  return `${names.length} tensors of ${networks.join(', ')} start from random values`;
}

/** Evenly spread over the images in order of their names. */
function isHeldBack(position: number, count: number, wanted: number): boolean {
  const held = Math.min(wanted, Math.floor(count / 2));
  return Math.floor(((position + 1) * held) / count) > Math.floor((position * held) / count);
}

/** The same images at every validation, as they are. */
async function validationBatch(
  config: TrainConfig,
  settings: TrainingDataSettings,
  source: TrainingSource,
  select: (position: number, count: number) => boolean,
): Promise<TrainingBatch> {
  const microBatch = config.microBatch ?? config.data.batch;
  const batch = Math.ceil(config.validationImages / microBatch) * microBatch;
  const options = { workers: 0, select };
  const data = await openTrainingData(source, { ...settings, batch, flip: false, crop: 'center' }, options);
  try {
    return await data.batch(0);
  } finally {
    await data.close();
  }
}

async function loop(
  folder: string,
  config: TrainConfig,
  done: number,
  trainer: Trainer,
  start: StartNetworks,
  data: TrainingData,
  shown: TrainingBatch,
  log: TrainLog,
  { signal, begin, step, validated, saved }: TrainOptions,
): Promise<void> {
  let lastValidation: ValidationResult | undefined;
  const validate = async (iteration: number): Promise<void> => {
    lastValidation = await trainer.validate(shown);
    const values = Object.fromEntries(
      Object.entries(lastValidation.values).map(([name, value]) => [`validation.${name}`, value]),
    );
    await log.scalars(iteration, values);
    await log.picture(iteration, 'validation', validationSheet(lastValidation.columns));
    validated?.(iteration, lastValidation.values);
  };
  const save = async (iteration: number): Promise<void> => {
    if (config.stage === 'autoencoder' && !lastValidation) lastValidation = await trainer.validate(shown);
    const target = iterationFolder(folder, iteration);
    const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await writeIteration(temporary, config, trainer, start, lastValidation?.latentDeviation);
      await rm(target, { recursive: true, force: true });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
    await pointTo(folder, target);
    for (const old of (await savedIterations(folder)).slice(0, -keptIterations))
      await rm(iterationFolder(folder, old), { recursive: true, force: true });
    saved?.(iteration, target);
  };

  begin?.(done, config.iterations);
  if (done === 0) await validate(0);
  for (let iteration = done + 1; iteration <= config.iterations; iteration++) {
    const begin = performance.now();
    const batch = await data.batch(iteration - 1);
    const waited = performance.now() - begin;
    const { values } = await trainer.step(iteration, batch);
    const seconds = (performance.now() - begin) / 1e3;
    const all = { ...values, images_per_second: config.data.batch / seconds, data_seconds: waited / 1e3 };
    await log.scalars(iteration, all);
    step?.(iteration, all);
    const last = iteration === config.iterations || signal?.aborted === true;
    if (iteration % config.validateEvery === 0 || iteration === config.iterations) await validate(iteration);
    if (iteration % config.saveEvery === 0 || last) await save(iteration);
    if (signal?.aborted) return;
  }
}

/** `latest` leads to the last saved iteration, for commands that take a checkpoint. */
async function pointTo(folder: string, target: string): Promise<void> {
  const link = path.join(folder, 'latest');
  const temporary = `${link}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await symlink(path.basename(target), temporary, 'dir');
    await rename(temporary, link);
  } catch {
    // No symbolic links here: a file names the folder instead.
    await rm(temporary, { force: true });
    await writeFile(`${link}.txt`, `${path.basename(target)}\n`);
  }
}

/** One row an image, one column a preview. */
function validationSheet(columns: Readonly<Record<string, HostTensor>>): BytePixels {
  const tensors = Object.values(columns);
  const rows = Array.from({ length: tensors[0]!.shape[0]! }, (_, i) =>
    tensors.map(({ shape, data }) => {
      const size = elementCount(shape.slice(1));
      return tensorToPixels(hostTensor([1, ...shape.slice(1)], data.subarray(i * size, (i + 1) * size)));
    }),
  );
  return contactSheet(rows);
}
