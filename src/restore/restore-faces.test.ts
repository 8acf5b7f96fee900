import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { openCheckpointFolder } from '../platform/node/model/checkpoint-store.ts';
import { makeFormulaCheckpoint } from '../platform/node/model/formula-checkpoint.ts';
import { loadAutoencoder } from '../platform/node/model/load-autoencoder.ts';
import { loadRestorer } from '../platform/node/model/load-restorer.ts';
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

it('follows the photo as far as it is told, or as the model says', async () => {
  const root = path.join(await mkdtemp(path.join(tmpdir(), 'fused-')), 'checkpoint');
  await makeFormulaCheckpoint({ ...microSpec, vae: { ...microSpec.vae, photo_fusion: true } }, root);
  const restorer = await loadRestorer(root);
  const plain = await loadRestorer(folder);
  const image = formulaImage(2, 64);
  const [byDefault, most, half, none] = [
    await restorer.restore(image),
    await restorer.restore(image, { fidelity: 1 }),
    await restorer.restore(image, { fidelity: 0.5 }),
    await restorer.restore(image, { fidelity: 0 }),
  ];
  expect([restorer.fidelity, plain.fidelity]).toEqual([1, undefined]);
  expect(byDefault).toEqual(most);
  expect(relativeError(half.data, most.data)).toBeGreaterThan(0.01);
  // All other weights are those of the model without a photo.
  expect(relativeError(none.data, (await plain.restore(image)).data)).toBeLessThan(1e-5);
  await expect(restorer.restore(image, { fidelity: 1.5 })).rejects.toThrow('it must be from 0 to 1');
  await expect(plain.restore(image, { fidelity: 0.5 })).rejects.toThrow('does not see the photo');
  await restorer.release();
  await plain.release();

  await writeFile(path.join(root, 'interlcm/sampling.json'), JSON.stringify({ fidelity: 0.5 }));
  const told = await loadRestorer(root);
  expect(told.fidelity).toBe(0.5);
  expect(await told.restore(image)).toEqual(half);
  await told.release();

  const autoencoder = await loadAutoencoder(root);
  const [encoded, followed] = [
    await autoencoder.restore(image),
    await autoencoder.restore(image, { fidelity: 1 }),
  ];
  expect(relativeError(followed.data, encoded.data)).toBeGreaterThan(0.01);
  await autoencoder.release();
  await rm(path.dirname(root), { recursive: true });
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
