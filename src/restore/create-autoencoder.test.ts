import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { openCheckpointFolder } from '../platform/node/model/checkpoint-store.ts';
import { makeFormulaCheckpoint } from '../platform/node/model/formula-checkpoint.ts';
import { loadAutoencoder } from '../platform/node/model/load-autoencoder.ts';
import { relativeError } from '../tensor/host-tensor.ts';
import { formulaImage, microSpec } from '../verify/formula.ts';
import { openCheckpoint } from './checkpoint.ts';
import { loadStages } from './create-restorer.ts';

let folder: string;
beforeAll(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'autoencoder-')), 'checkpoint');
  await makeFormulaCheckpoint(microSpec, folder);
});
afterAll(() => rm(path.dirname(folder), { recursive: true }));

describe('an autoencoder alone', () => {
  it('gives what the encoder and decoder of a whole model give, one face or two', async () => {
    const store = await openCheckpointFolder(folder);
    const autoencoder = await loadAutoencoder(folder, { imageSize: 64 });
    for (const batch of [1, 2]) {
      const size = { batch, height: 64, width: 64 };
      const image = formulaImage(batch, 64);
      const { run, pool } = await loadStages(await openCheckpoint(store), await createNodeRuntime(), size);
      const { latent } = await run('encode', { image });
      const { decoded } = await run('decode', { latent: latent! });
      const { data, shape } = await autoencoder.restore(image);
      expect(shape).toEqual([batch, 3, 64, 64]);
      // Winograd convolutions there, direct ones here.
      expect(relativeError(data, decoded!.data)).toBeLessThan(1e-4);
      await pool.release();
    }
    await autoencoder.release();
    await store.close();
  });

  it('needs no other network when it is told the size, which must fit', async () => {
    for (const part of ['lcm/unet', 'clip', 'interlcm'])
      await rm(path.join(folder, part), { recursive: true });
    await (await loadAutoencoder(folder, { imageSize: 32 })).release();
    await expect(loadAutoencoder(folder, { imageSize: 33 })).rejects.toThrow(
      'Cannot encode 33 pixels: the sides must be multiples of 8',
    );
    await expect(loadAutoencoder(folder)).rejects.toThrow('it has no weights of the LCM UNet');
  });
});
