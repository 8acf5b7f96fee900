/** Saved iterations of a run: a checkpoint in the released layout, and the optimisers' state beside it. */
import { createWriteStream } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CheckpointError } from '../../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors-writer.ts';
import { openTensorFile, readTensor } from '../../checkpoint/tensor-file.ts';
import { encodeTorchArchive } from '../../checkpoint/torch-archive-writer.ts';
import type { NetworkName, SamplingDefaults } from '../../restore/checkpoint.ts';
import type { Tensors } from '../../runtime/runtime.ts';
import { formatShape, sameShape } from '../../tensor/host-tensor.ts';
import type { TrainConfig } from '../../train/config.ts';
import { networkOf, networkPrefixes } from '../../train/networks.ts';
import type { Trainer } from '../../train/trainer.ts';
import { openFileSource } from './file-source.ts';
import type { StartNetworks } from './start-networks.ts';

const stateFile = 'training/state.safetensors';

/** Where each network's weights and config are written. */
const files: Readonly<Record<NetworkName, { weights: string; config: string }>> = {
  unet: { weights: 'lcm/unet/diffusion_pytorch_model.safetensors', config: 'lcm/unet/config.json' },
  vae: { weights: 'lcm/vae/diffusion_pytorch_model.safetensors', config: 'lcm/vae/config.json' },
  clip: { weights: 'clip/model.safetensors', config: 'clip/config.json' },
  visualEncoder: { weights: 'interlcm/visual_encoder.pth', config: 'interlcm/visual_encoder.json' },
  spatialEncoder: { weights: 'interlcm/spatial_encoder.pth', config: 'interlcm/spatial_encoder.json' },
};

/**
 * Writes a checkpoint that `restore` runs at once, and what a resumed run needs. Networks that are not trained are
 * linked from the checkpoint that the run started from.
 * @param folder must not exist
 * @param latentDeviation of an autoencoder's latents, whose inverse becomes its scaling factor
 */
export async function writeIteration(
  folder: string,
  config: TrainConfig,
  trainer: Trainer,
  start: StartNetworks,
  latentDeviation: number | undefined,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (start.folder) await linkFolder(start.folder, folder);
  const { configs } = start.networks;
  const write = async (
    file: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> => {
    const full = path.join(folder, file);
    await mkdir(path.dirname(full), { recursive: true });
    await rm(full, { force: true }); // a link's file belongs to the other checkpoint too
    await pipeline(Readable.from(chunks, { objectMode: true, highWaterMark: 1 }), createWriteStream(full));
  };
  const writeJson = (file: string, json: unknown): Promise<void> =>
    write(file, [Buffer.from(`${JSON.stringify(json, null, 2)}\n`)]);

  for (const network of config.train) {
    const scaling = network === 'vae' && latentDeviation ? { scaling_factor: 1 / latentDeviation } : {};
    await writeJson(files[network].config, { ...configs[network], ...scaling });
    const ofNetwork = (tensors: Tensors) =>
      Object.entries(tensors)
        .filter(([name]) => networkOf(name) === network)
        .map(([name, { shape, data }]) => ({
          name: name.slice(networkPrefixes[network].length + 1),
          dtype: 'float32' as const,
          shape,
          data,
        }));
    const [params, averages] = [ofNetwork(trainer.parameters), ofNetwork(trainer.averages)];
    await write(
      files[network].weights,
      files[network].weights.endsWith('.pth')
        ? encodeTorchArchive({ params, params_ema: averages })
        : encodeSafetensors(averages),
    );
  }
  await writeJson('lcm/scheduler/scheduler_config.json', configs.scheduler);
  if (config.stage === 'interlcm') {
    const { steps, startStep, guidanceScale, colorFix, visualEncoder, spatialEncoder } = config;
    const sampling: SamplingDefaults = {
      steps,
      startStep,
      guidanceScale,
      colorFix,
      ...(!visualEncoder && { visualEncoder }),
      ...(!spatialEncoder && { spatialEncoder }),
    };
    await writeJson('interlcm/sampling.json', sampling);
  }
  if (trainer.discriminator) {
    const params = Object.entries(trainer.discriminator).map(([name, { shape, data }]) => ({
      name: name.slice(name.indexOf('/') + 1),
      shape,
      data,
    }));
    await write('training/discriminator.pth', encodeTorchArchive({ params }));
  }
  const state = Object.entries(trainer.state).map(([name, { shape, data }]) => ({
    name,
    dtype: 'float32' as const,
    shape,
    data,
  }));
  await write(stateFile, encodeSafetensors(state));
}

/** Fills a trainer's state from a saved iteration. @throws {CheckpointError} if it does not fit the config */
export async function readTrainState(folder: string, state: Tensors): Promise<void> {
  const file = path.join(folder, stateFile);
  const source = await openFileSource(file);
  try {
    const tensors = await openTensorFile(source);
    for (const [name, { shape, data }] of Object.entries(state)) {
      const entry = tensors.tensors.get(name);
      if (!entry || !sameShape(entry.shape, shape))
        throw new CheckpointError(
          `its ${name} is ${entry ? formatShape(entry.shape) : 'missing'}, the run needs ${formatShape(shape)}: the config was changed since`,
          { file },
        );
      data.set((await readTensor(tensors, name)).data);
    }
  } finally {
    await source.close();
  }
}

/** Links, or where that cannot be copies, a checkpoint's files into another folder. */
async function linkFolder(from: string, to: string): Promise<void> {
  for (const part of ['lcm', 'clip', 'interlcm'])
    for (const entry of await readdir(path.join(from, part), { recursive: true, withFileTypes: true }).catch(
      () => [],
    )) {
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      const source = path.join(entry.parentPath, entry.name);
      const target = path.join(to, path.relative(from, source));
      await mkdir(path.dirname(target), { recursive: true });
      await link(source, target).catch(() => copyFile(source, target));
    }
}
