/** What a training run needs, opened: networks to start from, the trainer, its share of the images, those of validation. */
import type { Runtime } from '../../../runtime/runtime.ts';
import { alone, type Communicator } from '../../../train/communicator.ts';
import type { TrainConfig } from '../../../train/train-config.ts';
import { createTrainer, type Trainer } from '../../../train/trainer.ts';
import type { TrainingBatch, TrainingData, TrainingDataSettings } from '../../../train/training-data.ts';
import { loadDescriptorNetwork, loadPerceptualNetwork } from '../model/perceptual-files.ts';
import { openTrainingData } from './open-training-data.ts';
import type { RunSettings } from './run-settings.ts';
import { openStartNetworks, type StartNetworks } from './start-networks.ts';

/** What a trainer of any rank needs. */
export interface OpenedTraining {
  readonly trainer: Trainer;
  readonly start: StartNetworks;
  /** This trainer's share of every batch. */
  readonly data: TrainingData;
  close(): Promise<void>;
}

interface OpenTrainingOptions {
  readonly runtime: Runtime;
  /** Other trainers, each with a share of every batch. */
  readonly communicator?: Communicator | undefined;
  /** Told before long work. */
  readonly note?: ((text: string) => void) | undefined;
}

/** @param folder of the run, whose pictures are not trained on */
export async function openTraining(
  folder: string,
  settings: RunSettings,
  { runtime, communicator = alone, note }: OpenTrainingOptions,
): Promise<OpenedTraining> {
  const { config, images, from, spatialStart } = settings;
  const count = config.data.batch / communicator.size;
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.reverse()) await one.close();
  };
  try {
    const start = await openStartNetworks(config, from, { runtime, spatialStart });
    opened.push(start);
    const share = { first: communicator.rank * count, count };
    const data = await openTrainingData(
      images,
      { ...dataSettings(config), share },
      {
        workers: config.data.workers,
        outputFolder: folder,
        select: (position, count) => !isHeldBack(settings, position, count),
      },
    );
    opened.push(data);
    note?.('building the graph');
    const trainer = await createTrainer({
      config,
      networks: start.networks,
      runtime,
      startWeight: start.startWeight,
      bindFrozen: start.bindFrozen,
      comparing: {
        perceptual: config.losses.perceptual && (await loadPerceptualNetwork(config.losses.perceptual)),
        identity: config.losses.identity && (await loadDescriptorNetwork(config.losses.identity)),
      },
      communicator,
    });
    opened.push({ close: () => trainer.release() });
    return { trainer, start, data, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function dataSettings(config: TrainConfig): TrainingDataSettings {
  const { workers: _, ...settings } = config.data;
  const degradation = needsDegraded(config) ? settings.degradation : null;
  return { ...settings, seed: config.seed, degradation };
}

/** Only stages with a condition on the degraded image need one made. */
function needsDegraded(config: TrainConfig): boolean {
  if (config.stage === 'autoencoder') return config.input === 'low';
  if (config.stage === 'interlcm') return true;
  return config.condition === 'low' || (config.stage === 'diffusion' && config.control);
}

/** Whether an image is for validation: evenly spread over the images in order of their names, if it has none of its own. */
function isHeldBack({ validation, config }: RunSettings, position: number, count: number): boolean {
  if (validation) return false;
  const held = Math.min(config.validationImages, Math.floor(count / 2));
  return Math.floor(((position + 1) * held) / count) > Math.floor((position * held) / count);
}

/** The same images at every validation: whole, unless training sees parts only, whose scale networks know alone. */
export async function openValidationBatch(folder: string, run: RunSettings): Promise<TrainingBatch> {
  const { config, images, validation } = run;
  const settings = dataSettings(config);
  const microBatch = config.microBatch ?? config.data.batch;
  const batch = Math.ceil(config.validationImages / microBatch) * microBatch;
  const crop = settings.maxCrop < 1 ? settings.crop : 'center';
  const plain = { ...settings, batch, flip: false, crop, variation: undefined };
  const data = await openTrainingData(validation ?? images, plain, {
    workers: 0,
    outputFolder: folder,
    select: (position, count) => validation !== undefined || isHeldBack(run, position, count),
  });
  try {
    return await data.batch(0);
  } finally {
    await data.close();
  }
}
