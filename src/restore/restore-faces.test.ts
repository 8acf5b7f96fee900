import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { openCheckpointFolder } from '../platform/node/model/checkpoint-store.ts';
import { makeFormulaCheckpoint } from '../platform/node/model/formula-checkpoint.ts';
import { type HostTensor, relativeError } from '../tensor/host-tensor.ts';
import { formulaImage, microSpec } from '../verify/formula.ts';
import { openCheckpoint, type SamplingDefaults } from './checkpoint.ts';
import { loadStages } from './create-restorer.ts';
import { restoreFaces } from './restore-faces.ts';

let folder: string;
let release: () => Promise<void>;
/** Every tensor of a restoration, with `sampling` beside the weights. */
let restore: (sampling: SamplingDefaults) => Promise<Record<string, HostTensor>>;
beforeAll(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'interlcm-')), 'checkpoint');
  await makeFormulaCheckpoint(microSpec, folder);
  const store = await openCheckpointFolder(folder);
  const checkpoint = await openCheckpoint(store);
  const image = formulaImage(1, 64);
  const stages = await loadStages(checkpoint, await createNodeRuntime(), { batch: 1, height: 64, width: 64 });
  release = async () => {
    await stages.pool.release();
    await store.close();
  };
  restore = async (sampling) => {
    const seen: Record<string, HostTensor> = {};
    const observe = (name: string, tensor: HostTensor): void => {
      seen[name] = tensor;
    };
    await restoreFaces({ ...checkpoint, sampling }, stages.run, image, { observe });
    return seen;
  };
});
afterAll(async () => {
  await release();
  await rm(path.dirname(folder), { recursive: true });
});

it('takes what an encoder gives as zero in a model that was trained without it', async () => {
  const whole = await restore({});
  const differs = (tensors: Record<string, HostTensor>, name: string): number =>
    relativeError(tensors[name]!.data, whole[name]!.data);
  const isZero = (tensor: HostTensor | undefined): boolean => tensor!.data.every((value) => value === 0);

  const withoutVisual = await restore({ visualEncoder: false });
  expect(isZero(withoutVisual['context'])).toBe(true);
  expect(isZero(whole['context'])).toBe(false);
  expect(isZero(withoutVisual['mid_residual'])).toBe(false);
  expect(differs(withoutVisual, 'decoded')).toBeGreaterThan(1e-3);

  const withoutSpatial = await restore({ spatialEncoder: false });
  for (const name of ['down_residual0', 'mid_residual']) expect(isZero(withoutSpatial[name])).toBe(true);
  expect(differs(withoutSpatial, 'context')).toBe(0);
  expect(differs(withoutSpatial, 'decoded')).toBeGreaterThan(1e-3);
});
