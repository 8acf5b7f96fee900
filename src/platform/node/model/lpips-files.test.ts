import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { createPixels, type FloatPixels } from '../../../image/pixels.ts';
import { elementCount, type HostTensor, hostTensor } from '../../../tensor/host-tensor.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { loadLpips } from './lpips-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lpips-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const filled = (shape: readonly number[], value: (index: number) => number): HostTensor =>
  hostTensor(
    shape,
    Float32Array.from({ length: elementCount(shape) }, (_, i) => value(i)),
  );

async function writeWeights(name: string, tensors: Readonly<Record<string, HostTensor>>): Promise<string> {
  const entries = Object.entries(tensors).map(
    ([key, tensor]) => ({ name: key, dtype: 'float32', ...tensor }) as const,
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeSafetensors(entries)) chunks.push(chunk);
  const file = join(folder, name);
  await writeFile(file, Buffer.concat(chunks));
  return file;
}

/** VGG16 of two channels a layer, and LPIPS' five linear layers. */
async function writeSmallLpips(): Promise<{ vgg: string; linear: string }> {
  const vgg: Record<string, HostTensor> = {};
  for (const [n, index] of [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28].entries()) {
    vgg[`features.${index}.weight`] = filled([2, n === 0 ? 3 : 2, 3, 3], (i) => Math.sin(n + 1.3 * i));
    vgg[`features.${index}.bias`] = filled([2], () => 0.1);
  }
  const linear = Object.fromEntries(
    [0, 1, 2, 3, 4].map((i) => [`lin${i}.model.1.weight`, filled([1, 2, 1, 1], () => 0.5)]),
  );
  return {
    vgg: await writeWeights('vgg.safetensors', vgg),
    linear: await writeWeights('lpips.safetensors', linear),
  };
}

const picture = (size: number, shift: number): FloatPixels =>
  createPixels(
    size,
    size,
    3,
    Float32Array.from({ length: size * size * 3 }, (_, i) => 127 + 100 * Math.sin(shift + i / 11)),
  );

describe('LPIPS for measuring', () => {
  it('is 0 for equal pictures, symmetric and positive for others, at every size', async () => {
    const lpips = await loadLpips(await writeSmallLpips(), await createNodeRuntime());
    for (const size of [32, 48, 32]) {
      const [a, b] = [picture(size, 0), picture(size, 1)];
      expect(await lpips.distance(a, a)).toBe(0);
      const distance = await lpips.distance(a, b);
      expect(distance).toBeGreaterThan(1e-4);
      expect(await lpips.distance(b, a)).toBeCloseTo(distance, 7);
    }
    await lpips.release();
  });

  it('names the file that is missing', async () => {
    const files = { vgg: join(folder, 'none.pth'), linear: join(folder, 'none.pth') };
    await expect(loadLpips(files, await createNodeRuntime())).rejects.toThrow(/Cannot read .*none\.pth/);
  });
});
