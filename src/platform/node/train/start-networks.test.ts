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

const config = (train: string) =>
  parseTrainConfig(
    {
      stage: 'interlcm',
      iterations: 1,
      train: [train],
      data: { size: 64, batch: 1 },
      optimizer: { learningRate: 1e-3 },
      losses: { l1: { weight: 1 } },
    },
    'the test',
  );

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
