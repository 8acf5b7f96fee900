import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readTensor } from '../../../checkpoint/tensor-file.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import { networkNames } from '../../../restore/networks.ts';
import { relativeError } from '../../../tensor/host-tensor.ts';
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
      expect(half![network]!.config).toEqual(whole![network]!.config);
      expect([...half![network]!.tensors.keys()].sort()).toEqual([...whole![network]!.tensors.keys()].sort());
      for (const [key, { entry, file }] of half![network]!.tensors) {
        expect(entry.dtype).toBe('float16');
        const [a, b] = [
          await readTensor(file, key),
          await readTensor(whole![network]!.tensors.get(key)!.file, key),
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

it('keeps matrices and kernels in 8 bits, within half a step of their rows', async () => {
  await packCheckpoint(join(root, 'whole'), join(root, 'bytes'), { bits: 8 });
  const stores = await Promise.all(['whole', 'bytes'].map((name) => openCheckpointFolder(join(root, name))));
  const [whole, bytes] = await Promise.all(stores.map((store) => openCheckpoint(store)));
  let inBytes = 0;
  for (const network of networkNames) {
    const [own, packed] = [whole![network]!.tensors, bytes![network]!.tensors];
    expect([...packed.keys()].sort()).toEqual([...own.keys()].sort());
    for (const [key, { entry, file }] of packed) {
      const before = (await readTensor(own.get(key)!.file, key)).data;
      const after = (await readTensor(file, key)).data;
      if (entry.shape.length < 2) {
        expect(entry.dtype).toBe('float16');
        continue;
      }
      expect(entry.dtype).toBe('int8');
      inBytes++;
      const width = before.length / entry.shape[0]!;
      for (let start = 0; start < before.length; start += width) {
        const row = before.subarray(start, start + width);
        const step = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
        const worst = row.reduce((most, value, i) => Math.max(most, Math.abs(value - after[start + i]!)), 0);
        expect(worst, key).toBeLessThanOrEqual(step * 0.5001);
      }
    }
  }
  expect(inBytes).toBeGreaterThan(50);
  for (const store of stores) await store.close();
  await rm(join(root, 'bytes'), { recursive: true });
});

it('averages the weights of checkpoints of the same networks', async () => {
  const [whole, mixed, other] = ['whole', 'mixed', 'negative'].map((name) => join(root, name));
  await cp(whole!, other!, { recursive: true });
  const file = join(other!, 'interlcm/visual_encoder.safetensors');
  await writeFile(file, withNegatives(await readFile(file)));
  await packCheckpoint(whole!, mixed!, { mixture: { folders: [whole!, other!, other!], share: 0.375 } });
  const stores = await Promise.all([whole!, mixed!].map((folder) => openCheckpointFolder(folder)));
  const [a, b] = await Promise.all(stores.map((store) => openCheckpoint(store)));
  for (const [network, factor] of [
    ['visualEncoder', 0.5],
    ['spatialEncoder', 1],
  ] as const)
    for (const [key, { file }] of a![network]!.tensors) {
      const [own, result] = [
        await readTensor(file, key),
        await readTensor(b![network]!.tensors.get(key)!.file, key),
      ];
      expect(
        relativeError(
          result.data,
          own.data.map((x) => factor * x),
        ),
        key,
      ).toBeLessThan(1e-3);
    }
  for (const store of stores) await store.close();
  await rm(mixed!, { recursive: true });
  await rm(other!, { recursive: true });
});

it('mixes nothing of other networks', async () => {
  await makeFormulaCheckpoint({ ...microSpec, visual_encoder: { nf: 32 } }, join(root, 'wide'));
  await expect(
    packCheckpoint(join(root, 'whole'), join(root, 'mixed'), {
      mixture: { folders: [join(root, 'whole'), join(root, 'wide')], share: 0.5 },
    }),
  ).rejects.toThrow('its visual encoder has other weights');
  await rm(join(root, 'wide'), { recursive: true });
});

/** A safetensors file of float32 with the sign of every value changed. */
function withNegatives(bytes: Buffer): Buffer {
  const start = 8 + Number(bytes.readBigUInt64LE());
  for (let at = start + 3; at < bytes.length; at += 4) bytes[at]! ^= 0x80;
  return bytes;
}

it('replaces nothing, and leaves nothing half-written', async () => {
  await expect(packCheckpoint(join(root, 'whole'), join(root, 'half'))).rejects.toThrow(
    'it is there already',
  );
  await mkdir(join(root, 'empty'));
  await expect(packCheckpoint(join(root, 'empty'), join(root, 'other'))).rejects.toThrow('it has no weights');
  expect((await readdir(root)).sort()).toEqual(['empty', 'half', 'whole']);
});
