/** A training run in a folder: its config, its log, and its saved iterations, from which it goes on. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { because } from '../../../failure/failure.ts';
import { contactSheet } from '../../../image/contact-sheet.ts';
import { tensorToPixels } from '../../../image/pixel-tensor.ts';
import type { BytePixels } from '../../../image/pixels.ts';
import { prefixOf } from '../../../nn/parameter-scope.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { batchItem, type HostTensor } from '../../../tensor/host-tensor.ts';
import { parseTrainConfig, type TrainConfig } from '../../../train/train-config.ts';
import { createTrainer, type Trainer } from '../../../train/trainer.ts';
import type { TrainingBatch, TrainingData, TrainingDataSettings } from '../../../train/training-data.ts';
import { makeFolder } from '../files/make-folder.ts';
import { loadPerceptualNetwork } from '../model/perceptual-files.ts';
import { openTrainingData } from './open-training-data.ts';
import { pinPaths, type RunSettings, readSettings, settingsFile, writeSettings } from './run-settings.ts';
import { isSavedIteration, readLastIteration, removeUnfinished, saveIteration } from './saved-iterations.ts';
import { openStartNetworks, type StartNetworks } from './start-networks.ts';
import { keepTrained } from './stopped-run.ts';
import { openTrainLog, type TrainLog } from './train-log.ts';
import { readTrainState, writeIteration } from './train-state.ts';
import type { FindOptions, TrainingSource } from './training-files.ts';

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

/**
 * Starts a run in a new folder and trains to the end.
 * @throws {Error} if the folder holds a run already
 */
export async function startRun(folder: string, settings: RunSettings, options: TrainOptions): Promise<void> {
  const entries: string[] = await readdir(folder).catch(() => []);
  if (entries.some((name) => name === settingsFile || isSavedIteration(name)))
    throw because(new Error(`Cannot start a run in ${folder}: there is one already`), {
      code: 'run-exists',
      folder,
    });
  await train(folder, settings, false, options);
}

/**
 * Goes on with a run from its last saved iteration, exactly as if it had not stopped; from the one before, if the last
 * is damaged.
 * @param change settings changed on the way, such as a larger number of iterations
 */
export async function resumeRun(
  folder: string,
  options: TrainOptions,
  change: (config: unknown) => unknown = (config) => config,
): Promise<void> {
  const settings = await readSettings(folder);
  const config = parseTrainConfig(change(settings.config), path.join(folder, settingsFile));
  await removeUnfinished(folder);
  await train(folder, { ...settings, config }, true, options);
}

/** @param resumed whether it goes on from what is saved in the folder */
async function train(
  folder: string,
  given: RunSettings,
  resumed: boolean,
  options: TrainOptions,
): Promise<void> {
  const settings = await pinPaths(given);
  const { config, images, validation, from, spatialStart } = settings;
  const { runtime, signal, note } = options;
  note?.('opening images and networks');
  const start = await openStartNetworks(config, from, spatialStart);
  const { workers, ...dataConfig } = config.data;
  const dataSettings = {
    ...dataConfig,
    seed: config.seed,
    degradation: needsDegraded(config) ? config.data.degradation : null,
  };
  const heldBack = (position: number, count: number): boolean =>
    !validation && isHeldBack(position, count, config.validationImages);
  const data = await openTrainingData(images, dataSettings, {
    workers,
    outputFolder: folder,
    select: (position, count) => !heldBack(position, count),
  });
  let trainer: Trainer | undefined;
  let log: TrainLog | undefined;
  try {
    const shown = await validationBatch(config, dataSettings, validation ?? images, {
      outputFolder: folder,
      select: validation ? () => true : heldBack,
    });
    note?.('building the graph');
    trainer = await createTrainer({
      config,
      networks: start.networks,
      runtime,
      startWeight: start.startWeight,
      bindFrozen: start.bindFrozen,
      perceptual: config.losses.perceptual && (await loadPerceptualNetwork(config.losses.perceptual)),
    });
    const { drawn } = trainer;
    const read = (saved: string): Promise<void> => readTrainState(saved, trainer!);
    const done = resumed ? await readLastIteration(folder, read, (text) => note?.(text)) : 0;
    if (done === 0 && drawn.length > 0) note?.(drawnNote(drawn));
    // Only now is it a run: whatever is wrong with the settings has shown.
    await makeFolder(folder);
    await writeSettings(folder, settings);
    log = await openTrainLog(folder, done === 0 ? -1 : done);
    await iterate({ folder, config, done, trainer, start, data, shown, log }, options);
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
  const networks = [...new Set(names.map(prefixOf))];
  return `${names.length} tensors of ${networks.join(', ')} start from random values`;
}

/** Evenly spread over the images in order of their names. */
function isHeldBack(position: number, count: number, wanted: number): boolean {
  const held = Math.min(wanted, Math.floor(count / 2));
  return Math.floor(((position + 1) * held) / count) > Math.floor((position * held) / count);
}

/** The same images at every validation: whole, unless training sees parts only, whose scale networks know alone. */
async function validationBatch(
  config: TrainConfig,
  settings: TrainingDataSettings,
  source: TrainingSource,
  found: FindOptions,
): Promise<TrainingBatch> {
  const microBatch = config.microBatch ?? config.data.batch;
  const batch = Math.ceil(config.validationImages / microBatch) * microBatch;
  const crop = settings.maxCrop < 1 ? settings.crop : 'center';
  const plain = { ...settings, batch, flip: false, crop, variation: undefined };
  const data = await openTrainingData(source, plain, { workers: 0, ...found });
  try {
    return await data.batch(0);
  } finally {
    await data.close();
  }
}

/** A run that is set up. */
interface Run {
  readonly folder: string;
  readonly config: TrainConfig;
  /** Iterations that were done before. */
  readonly done: number;
  readonly trainer: Trainer;
  readonly start: StartNetworks;
  readonly data: TrainingData;
  /** What validations show. */
  readonly shown: TrainingBatch;
  readonly log: TrainLog;
}

async function iterate(run: Run, options: TrainOptions): Promise<void> {
  const { folder, config, done, trainer, start, data, shown, log } = run;
  const { signal, begin, step, validated, saved } = options;
  /** Of an autoencoder's latents at the last validation. */
  let latents: { readonly iteration: number; readonly deviation: number | undefined } | undefined;
  let trained = done;
  let lastSaved = done;
  const validate = async (iteration: number): Promise<void> => {
    const { values, columns, latentDeviation } = await trainer.validate(shown);
    latents = { iteration, deviation: latentDeviation };
    const named = Object.entries(values).map(([name, value]) => [`validation.${name}`, value]);
    await log.scalars(iteration, Object.fromEntries(named));
    await log.picture(iteration, 'validation', validationSheet(columns));
    validated?.(iteration, values);
  };
  const write = async (iteration: number): Promise<void> => {
    const saveFolder = await saveIteration(folder, iteration, (newFolder) =>
      writeIteration(newFolder, config, trainer, start, latents?.deviation),
    );
    lastSaved = iteration;
    saved?.(iteration, saveFolder);
  };
  const save = async (iteration: number): Promise<void> => {
    if (config.stage === 'autoencoder' && latents?.iteration !== iteration)
      latents = { iteration, deviation: (await trainer.validate(shown)).latentDeviation };
    await log.sync();
    await write(iteration);
  };

  begin?.(done, config.iterations);
  if (done === 0) await validate(0);
  try {
    for (let iteration = done + 1; iteration <= config.iterations; iteration++) {
      const begin = performance.now();
      const batch = await data.batch(iteration - 1);
      const waited = performance.now() - begin;
      const { values } = await trainer.step(iteration, batch);
      trained = iteration;
      const seconds = (performance.now() - begin) / 1e3;
      const all = { ...values, images_per_second: config.data.batch / seconds, data_seconds: waited / 1e3 };
      await log.scalars(iteration, all);
      step?.(iteration, all);
      const end = iteration === config.iterations;
      if (iteration % config.validateEvery === 0 || end) await validate(iteration);
      const stop = signal?.aborted === true; // asked last, as validating takes long
      if (iteration % config.saveEvery === 0 || end || stop) await save(iteration);
      if (stop) return;
    }
  } catch (error) {
    if (trained === 0) throw error;
    // Neither the log nor a validation keeps what was trained from being saved.
    throw await keepTrained(error, {
      folder,
      trained: trainer.isWhole ? trained : undefined,
      saved: lastSaved,
      save: write,
    });
  }
}

/** One row an image, one column a preview. */
function validationSheet(columns: Readonly<Record<string, HostTensor>>): BytePixels {
  const tensors = Object.values(columns);
  const rows = Array.from({ length: tensors[0]!.shape[0]! }, (_, i) =>
    tensors.map((tensor) => tensorToPixels(batchItem(tensor, i))),
  );
  return contactSheet(rows);
}
