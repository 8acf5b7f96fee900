import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Runtime } from '../../../runtime/runtime.ts';
import { parseTrainConfig } from '../../../train/train-config.ts';
import { microSpec } from '../../../verify/formula.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { makeFormulaCheckpoint } from '../model/formula-checkpoint.ts';
import { openStartNetworks } from './start-networks.ts';

let root: string;
let checkpoint: string;
let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
  root = await mkdtemp(path.join(tmpdir(), 'start-networks-'));
  checkpoint = path.join(root, 'checkpoint');
  await makeFormulaCheckpoint(microSpec, checkpoint);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const config = (train: string, networks = {}) =>
  parseTrainConfig(
    {
      networks,
      stage: 'interlcm',
      iterations: 1,
      train: [train],
      data: { size: 64, batch: 1 },
      optimizer: { learningRate: 1e-3 },
      losses: { l1: { weight: 1 } },
    },
    'the test',
  );

it('starts a deeper network from a stored one, with what is added giving nothing', async () => {
  const deeper = { unet: { layers_per_block: 2 }, spatialEncoder: { layers_per_block: 2 } };
  const [shallow, deep] = [
    await openStartNetworks(config('unet'), checkpoint, { runtime }),
    await openStartNetworks(config('unet', deeper), checkpoint, { runtime }),
  ];
  const block = 'unet/up_blocks.1.resnets';
  const same = await shallow.startWeight(`${block}.1.conv1.weight`, [32, 64, 3, 3]);
  expect(await deep.startWeight(`${block}.2.conv1.weight`, [32, 64, 3, 3])).toEqual(same);
  expect(await deep.startWeight(`${block}.1.conv1.weight`, [32, 64, 3, 3])).toBeUndefined();
  expect(await deep.startWeight(`${block}.1.conv2.bias`, [32])).toEqual(new Float32Array(32));
  const shortcut = (await deep.startWeight(`${block}.1.conv_shortcut.weight`, [32, 64, 1, 1]))!;
  expect([shortcut[0], shortcut[1], shortcut[65], shortcut[64 * 31 + 31]]).toEqual([1, 0, 1, 1]);
  await Promise.all([shallow.close(), deep.close()]);
  const alone = config('unet', { unet: { layers_per_block: 2 } });
  await expect(openStartNetworks(alone, checkpoint, { runtime })).rejects.toThrow(
    'networks.spatialEncoder: its layers_per_block, 1, must be that of the UNet, 2',
  );
});

it('refuses weights for a spatial encoder that nothing would start from', async () => {
  const unet = path.join(checkpoint, 'lcm/unet/diffusion_pytorch_model.safetensors');
  await expect(
    openStartNetworks(config('spatialEncoder'), checkpoint, { runtime, spatialStart: unet }),
  ).rejects.toThrow(
    /Cannot start a spatial encoder from .*: .*checkpoint has one, interlcm\/spatial_encoder\.safetensors/,
  );
  await expect(
    openStartNetworks(config('unet'), checkpoint, { runtime, spatialStart: unet }),
  ).rejects.toThrow('the config does not train one');
  await rm(path.join(checkpoint, 'interlcm/spatial_encoder.safetensors'));
  await (
    await openStartNetworks(config('spatialEncoder'), checkpoint, { runtime, spatialStart: unet })
  ).close();
});
