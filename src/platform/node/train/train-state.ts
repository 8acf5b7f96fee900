/** Saved iterations of a run: a checkpoint in the released layout, and the optimisers' state beside it. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { openTensorFile, readTensor } from '../../../checkpoint/tensor-file.ts';
import { encodeTorchArchive } from '../../../checkpoint/torch-archive-writer.ts';
import { because } from '../../../failure/failure.ts';
import { keyOf } from '../../../nn/parameter-scope.ts';
import type { SamplingDefaults } from '../../../restore/checkpoint.ts';
import {
  checkpointFolders,
  networkOf,
  networks,
  samplingPath,
  schedulerPath,
  textEmbeddingPath,
} from '../../../restore/networks.ts';
import { encodeEmbedding } from '../../../restore/stored-embedding.ts';
import type { Tensors } from '../../../runtime/runtime.ts';
import { formatShape, sameShape } from '../../../tensor/host-tensor.ts';
import { type TrainConfig, textConditionOf } from '../../../train/train-config.ts';
import type { Trainer } from '../../../train/trainer.ts';
import { syncFolder, writeAtomically } from '../files/atomic-write.ts';
import { openFileSource } from '../files/file-source.ts';
import { linkFolder } from '../files/link-folder.ts';
import { makeFolder } from '../files/make-folder.ts';
import type { StartNetworks } from './start-networks.ts';

const stateFile = 'training/state.safetensors';

/**
 * Writes a checkpoint that `restore` runs at once, and what a resumed run needs, so that a power cut does not harm it.
 * Networks that are not trained are linked from the checkpoint that the run started from.
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
  await makeFolder(folder);
  if (start.folder)
    for (const part of checkpointFolders)
      await linkFolder(path.join(start.folder, part), path.join(folder, part));
  const { configs } = start.networks;
  // A new file takes the place of a linked one, which belongs to the other checkpoint too.
  const write = (file: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> =>
    writeAtomically(path.join(folder, file), (handle) => writeFile(handle, chunks));
  const writeJson = (file: string, json: unknown): Promise<void> =>
    write(file, [Buffer.from(`${JSON.stringify(json, null, 2)}\n`)]);

  for (const network of config.train) {
    const scaling = network === 'vae' && latentDeviation ? { scaling_factor: 1 / latentDeviation } : {};
    const { files } = networks[network];
    await writeJson(files.config, { ...configs[network], ...scaling });
    const ofNetwork = (tensors: Tensors) =>
      Object.entries(tensors)
        .filter(([name]) => networkOf(name) === network)
        .map(([name, { shape, data }]) => ({
          name: keyOf(name),
          dtype: 'float32' as const,
          shape,
          data,
        }));
    const [params, averages] = [ofNetwork(trainer.parameters), ofNetwork(trainer.averages)];
    await write(
      files.trained,
      files.trained.endsWith('.pth')
        ? encodeTorchArchive({ params, params_ema: averages })
        : encodeSafetensors(averages),
    );
  }
  await writeJson(schedulerPath, configs.scheduler);
  if (config.stage === 'interlcm') {
    const { steps, startStep, guidanceScale, colorFix, fidelity, visualEncoder, spatialEncoder } = config;
    const fused = configs.vae?.photo_fusion === true;
    const sampling: SamplingDefaults = {
      steps,
      startStep,
      guidanceScale,
      colorFix,
      ...(fused && { fidelity }),
      imageSize: config.data.size,
      ...(!visualEncoder && { visualEncoder }),
      ...(!spatialEncoder && { spatialEncoder }),
      ...(textConditionOf(config) && { condition: 'text' as const }),
    };
    await writeJson(samplingPath, sampling);
    if (textConditionOf(config)) await write(textEmbeddingPath, encodeEmbedding(configs.context!));
  }
  if (trainer.discriminator) {
    const params = Object.entries(trainer.discriminator).map(([name, { shape, data }]) => ({
      name: keyOf(name),
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
  await write(stateFile, encodeSafetensors(state, stateLayout(trainer)));
  await syncFolder(folder, { recursive: true });
}

/**
 * Fills a trainer's state from a saved iteration.
 * @throws {CheckpointError} if it is damaged, or of other networks than the config's
 */
export async function readTrainState(folder: string, trainer: Trainer): Promise<void> {
  const file = path.join(folder, stateFile);
  const source = await openFileSource(file);
  try {
    const tensors = await openTensorFile(source);
    for (const [part, layout] of Object.entries(stateLayout(trainer)))
      requireLayout(file, part, tensors.metadata[part], layout);
    for (const [name, { shape, data }] of Object.entries(trainer.state)) {
      const entry = tensors.tensors.get(name);
      if (!entry || !sameShape(entry.shape, shape))
        throw new CheckpointError(
          `its ${name} is ${entry ? formatShape(entry.shape) : 'missing'}, the run needs ${formatShape(shape)}: ${changed}`,
          { file },
        );
      data.set((await readTensor(tensors, name)).data);
    }
  } finally {
    await source.close();
  }
}

/** Parameters with their shapes, one a line, in the order in which the flat arrays of the state hold them. */
function stateLayout({ parameters, discriminator }: Trainer): Record<string, string> {
  const describe = (tensors: Tensors): string =>
    Object.entries(tensors)
      .map(([name, { shape }]) => `${name} ${formatShape(shape)}`)
      .join('\n');
  return {
    'generator.layout': describe(parameters),
    ...(discriminator && { 'discriminator.layout': describe(discriminator) }),
  };
}

const changed = 'the config was changed since. Give it back the networks it had, or start a new run';

function requireLayout(file: string, part: string, stored: string | undefined, layout: string): void {
  if (stored === layout) return;
  if (stored === undefined)
    throw because(
      new CheckpointError(
        `it does not say which parameters it holds (${part}), so it cannot be gone on from`,
        { file },
      ),
      { code: 'state-without-layout' },
    );
  const [before, now] = [stored.split('\n'), layout.split('\n')];
  const place = now.findIndex((line, i) => line !== before[i]);
  const at = place === -1 ? now.length : place;
  throw new CheckpointError(
    `it holds ${before[at] ?? 'nothing'} where the run has ${now[at] ?? 'nothing'}: ${changed}`,
    { file },
  );
}
