import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readTensor } from '../../../checkpoint/tensor-file.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import { networkNames } from '../../../restore/networks.ts';
import { microSpec } from '../../../verify/formula.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';
import { makeFormulaCheckpoint } from './formula-checkpoint.ts';
import { packCheckpoint } from './pack-checkpoint.ts';

let root: string;
const sampling = { steps: 4, startStep: 3, guidanceScale: 2, colorFix: 'none' };
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pack-'));
  await makeFormulaCheckpoint(microSpec, join(root, 'whole'));
  await mkdir(join(root, 'whole/interlcm'), { recursive: true });
  await writeFile(join(root, 'whole/interlcm/sampling.json'), JSON.stringify(sampling));
});
afterAll(() => rm(root, { recursive: true }));

it('keeps every network in half precision, and how it is sampled', async () => {
  await packCheckpoint(join(root, 'whole'), join(root, 'half'));
  const stores = await Promise.all(['whole', 'half'].map((name) => openCheckpointFolder(join(root, name))));
  try {
    const [whole, half] = await Promise.all(stores.map((store) => openCheckpoint(store)));
    expect(half!.sampling).toEqual({ ...sampling, imageSize: microSpec.image_size });
    expect(half!.scheduler).toEqual(whole!.scheduler);
    for (const network of networkNames) {
      expect(half![network].config).toEqual(whole![network].config);
      expect([...half![network].tensors.keys()].sort()).toEqual([...whole![network].tensors.keys()].sort());
      for (const [key, { entry, file }] of half![network].tensors) {
        expect(entry.dtype).toBe('float16');
        const [a, b] = [
          await readTensor(file, key),
          await readTensor(whole![network].tensors.get(key)!.file, key),
        ];
        // Half precision has 11 bits, and steps of 2⁻²⁴ near zero.
        const off = a.data.filter(
          (v, i) => Math.abs(v - b.data[i]!) > Math.abs(b.data[i]!) * 2 ** -11 + 2 ** -25,
        );
        expect(off.length, key).toBe(0);
      }
    }
  } finally {
    for (const store of stores) await store.close();
  }
});

it('replaces nothing, and leaves nothing half-written', async () => {
  await expect(packCheckpoint(join(root, 'whole'), join(root, 'half'))).rejects.toThrow(
    'it is there already',
  );
  await mkdir(join(root, 'empty'));
  await expect(packCheckpoint(join(root, 'empty'), join(root, 'other'))).rejects.toThrow('it has no weights');
  expect((await readdir(root)).sort()).toEqual(['empty', 'half', 'whole']);
});
