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
import { alone, anyOf, type Communicator } from '../../../train/communicator.ts';
import { parseTrainConfig, type TrainConfig } from '../../../train/train-config.ts';
import { microBatchOf, type Trainer } from '../../../train/trainer.ts';
import type { TrainingBatch, TrainingData } from '../../../train/training-data.ts';
import { requireWritable } from '../files/atomic-write.ts';
import { makeFolder } from '../files/make-folder.ts';
import { agreeOnStart } from './join-run.ts';
import { openTraining, openValidationBatch } from './open-training.ts';
import { startRankThreads } from './rank-threads.ts';
import { pinPaths, type RunSettings, readSettings, settingsFile, writeSettings } from './run-settings.ts';
import { isSavedIteration, readLastIteration, removeUnfinished, saveIteration } from './saved-iterations.ts';
import type { StartNetworks } from './start-networks.ts';
import { keepTrained } from './stopped-run.ts';
import { openTrainLog, type TrainLog } from './train-log.ts';
import { readTrainState, writeIteration } from './train-state.ts';

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
  /** Trainers in this process that share every batch, each in a thread of its own; 1 unless given. */
  readonly workers?: number | undefined;
  /** Threads of a network's run in each worker beside the first, which runs by `runtime`; 1 unless given. */
  readonly workerThreads?: number | undefined;
  /** Trainers in other processes, in place of workers; this one, of rank 0, validates, logs and saves. */
  readonly communicator?: Communicator | undefined;
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
  await requireWritable(folder);
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
  const settings = await readChangedSettings(folder, change);
  await removeUnfinished(folder);
  await train(folder, settings, true, options);
}

/** What a run was started with, changed as {@link resumeRun} does. */
export async function readChangedSettings(
  folder: string,
  change: (config: unknown) => unknown = (config) => config,
): Promise<RunSettings> {
  const settings = await readSettings(folder);
  return { ...settings, config: parseTrainConfig(change(settings.config), path.join(folder, settingsFile)) };
}

/** @param resumed whether it goes on from what is saved in the folder */
async function train(
  folder: string,
  given: RunSettings,
  resumed: boolean,
  options: TrainOptions,
): Promise<void> {
  const settings = await pinPaths(given);
  const { workers = 1, workerThreads = 1 } = options;
  microBatchOf(settings.config, options.communicator?.size ?? workers);
  if (workers === 1) return lead(folder, settings, resumed, options);
  const threads = startRankThreads(workers, folder, settings, workerThreads);
  try {
    await lead(folder, settings, resumed, { ...options, communicator: threads.communicator });
  } finally {
    await threads.close();
  }
}

/** The part of rank 0. */
async function lead(
  folder: string,
  settings: RunSettings,
  resumed: boolean,
  options: TrainOptions,
): Promise<void> {
  const { config } = settings;
  const { communicator = alone, note } = options;
  note?.('opening images and networks');
  const opened = await openTraining(folder, settings, options);
  const { trainer } = opened;
  let log: TrainLog | undefined;
  try {
    const shown = await openValidationBatch(folder, settings);
    const read = (saved: string): Promise<void> => readTrainState(saved, trainer);
    const done = resumed ? await readLastIteration(folder, read, (text) => note?.(text)) : 0;
    if (done === 0 && trainer.drawn.length > 0) note?.(drawnNote(trainer.drawn));
    // Only now is it a run: whatever is wrong with the settings has shown.
    await makeFolder(folder);
    await writeSettings(folder, settings);
    log = await openTrainLog(folder, done === 0 ? -1 : done);
    await agreeOnStart(trainer, communicator, done);
    await iterate({ folder, config, done, shown, log, ...opened }, options);
  } finally {
    await log?.close();
    await opened.close();
  }
  options.signal?.throwIfAborted();
}

function drawnNote(names: readonly string[]): string {
  const networks = [...new Set(names.map(prefixOf))];
  return `${names.length} tensors of ${networks.join(', ')} start from random values`;
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
  const { communicator = alone, signal, begin, step, validated, saved } = options;
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
      // Asked last, as validating takes long.
      const stop = await anyOf(communicator, signal?.aborted === true);
      if (iteration % config.saveEvery === 0 || end || stop) await save(iteration);
      if (!stop) continue;
      if (signal?.aborted) return;
      throw new Error(`Another process was interrupted after iteration ${iteration}`);
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
