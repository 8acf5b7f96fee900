import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { smallGenerators } from '../../../generate/generator.test-support.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { relativeError } from '../../../tensor/host-tensor.ts';
import { parseTrainConfig } from '../../../train/train-config.ts';
import { formulaImage, microSpec } from '../../../verify/formula.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { openCheckpointFolder } from '../model/checkpoint-store.ts';
import { makeFormulaCheckpoint } from '../model/formula-checkpoint.ts';
import { makeFormulaGenerator } from '../model/formula-generator.ts';
import { loadRestorer } from '../model/load-restorer.ts';
import { openTextContext, writeEmbeddingFile } from '../model/text-context.ts';
import { openStartNetworks } from './start-networks.ts';
import { startRun } from './train-run.ts';

const prompt = 'a photo of a face';
let root: string;
let runtime: Runtime;
const at = (...names: string[]): string => path.join(root, ...names);
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'text-condition-'));
  runtime = await createNodeRuntime();
  // The text tower beside the restoration's networks, whose own come over those of the generator.
  await makeFormulaGenerator(at('start'), 'lcm', smallGenerators.lcm);
  await makeFormulaCheckpoint(microSpec, at('restoring'));
  await mkdir(at('faces'));
  for (const [i, background] of ['#a07050', '#304060'].entries())
    await sharp({ create: { width: 64, height: 64, channels: 3, background } })
      .png()
      .toFile(at('faces', `${i}.png`));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const config = (condition: unknown, change: object = {}) =>
  parseTrainConfig(
    {
      stage: 'interlcm',
      steps: 2,
      condition,
      iterations: 1,
      train: ['spatialEncoder'],
      networks: { spatialEncoder: { conditioning_embedding_out_channels: [8, 8] } },
      data: { size: 64, canvas: 64, batch: 1, workers: 0 },
      optimizer: { learningRate: 1e-3 },
      losses: { l1: { weight: 1 } },
      validationImages: 1,
      ...change,
    },
    'the test',
  );

it('trains a spatial encoder by a text, and restores by it without tower, CLIP or visual encoder', {
  timeout: 300_000,
}, async () => {
  const vae = { networks: { vae: microSpec.vae, spatialEncoder: {} }, train: ['spatialEncoder', 'vae'] };
  await startRun(
    at('run'),
    { config: config({ text: prompt }, vae), images: { folder: at('faces') }, from: at('start') },
    { runtime },
  );
  const embedding = await openTextContext({ text: prompt }, { checkpoint: at('start'), runtime });
  const sampling = JSON.parse(await readFile(at('run/latest/interlcm/sampling.json'), 'utf8'));
  expect(sampling).toMatchObject({ condition: 'text', steps: 2 });
  const store = await openCheckpointFolder(at('run/latest'));
  const checkpoint = await openCheckpoint(store);
  await store.close();
  expect(checkpoint.context).toEqual(embedding);
  expect([checkpoint.clip, checkpoint.visualEncoder]).toEqual([undefined, undefined]);

  const lq = formulaImage(1, 64);
  const restore = async (condition?: { text: string }) => {
    const restorer = await loadRestorer(at('run/latest'), { threads: 1, memory: 'low', condition });
    const result = await restorer.restore(lq, { seed: 1 });
    await restorer.release();
    return result;
  };
  const restored = await restore();
  expect(await restore({ text: prompt })).toEqual(restored);
  expect(relativeError((await restore({ text: '' })).data, restored.data)).toBeGreaterThan(1e-4);
});

it.each(['diffusion', 'consistency', 'interlcm'] as const)(
  'takes a stored embedding as the condition of the %s stage, and needs no vision',
  async (stage) => {
    const embedding = await openTextContext({ text: '' }, { checkpoint: at('start'), runtime });
    await writeEmbeddingFile(at('null.safetensors'), embedding);
    const losses = stage === 'interlcm' ? {} : { losses: { mse: { weight: 1 } } };
    const base = config({ embedding: at('null.safetensors') });
    const {
      steps: _,
      startStep: __,
      guidanceScale: ___,
      ...rest
    } = base as unknown as Record<string, unknown>;
    const shared = Object.fromEntries(
      Object.entries(rest).filter(
        ([name]) => stage === 'interlcm' || !/colorFix|fidelity|Encoder$/.test(name),
      ),
    );
    const parsed = parseTrainConfig({ ...shared, stage, train: ['unet'], ...losses }, 'the test');
    const start = await openStartNetworks(parsed, at('start'), { runtime });
    expect(start.networks.configs.context).toEqual(embedding);
    expect([start.networks.configs.clip, start.networks.configs.visualEncoder]).toEqual([
      undefined,
      undefined,
    ]);
    await start.close();
  },
);

it('says that a text needs the tower of a checkpoint', async () => {
  await expect(openStartNetworks(config({ text: prompt }), undefined, { runtime })).rejects.toThrow(
    /no checkpoint whose text tower/,
  );
  await expect(openStartNetworks(config({ text: prompt }), at('restoring'), { runtime })).rejects.toThrow(
    /lcm\/text_encoder\/config\.json/,
  );
});
