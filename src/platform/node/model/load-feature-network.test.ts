import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { input } from '../../../graph/ops.ts';
import { pixelsToTensor } from '../../../image/pixel-tensor.ts';
import { createPixels, type Pixels } from '../../../image/pixels.ts';
import { buildVgg } from '../../../models/vgg/vgg.ts';
import { parameterScope } from '../../../nn/parameter-scope.ts';
import { elementCount } from '../../../tensor/host-tensor.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { loadFaceDescriber } from './load-face-describer.ts';
import { loadFeatureNetwork } from './load-feature-network.ts';
import { saveNetwork } from './saved-network.test-support.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'features-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** VGG16 of three channels a layer that hands its input on: each filter is 1 in the middle of its own channel. */
async function writePassingVgg(): Promise<string> {
  const picture = input('picture', [1, 3, 16, 16]);
  const layers = buildVgg(parameterScope('net'), picture, 16, [3, 3, 3, 3, 3]);
  const file = join(folder, 'vgg.pth');
  await saveNetwork(file, [layers.get('relu5_3')!], {
    weight: (name, shape) =>
      Float32Array.from({ length: elementCount(shape) }, (_, i) =>
        Number(name.endsWith('.weight') && i % 9 === 4 && Math.floor(i / 9) % 4 === 0),
      ),
  });
  return file;
}

const plain = (width: number, height: number, rgb: readonly number[]): Pixels =>
  createPixels(
    width,
    height,
    3,
    Uint8Array.from({ length: width * height * 3 }, (_, i) => rgb[i % 3]!),
  );

describe('feature networks', () => {
  it("take VGG16's last activations of pictures normalised as ImageNet's, averaged, at any size", async () => {
    const network = await loadFeatureNetwork(
      { name: 'vgg16', vgg: await writePassingVgg() },
      await createNodeRuntime(),
    );
    const rgb = [200, 150, 20];
    for (const [width, height] of [
      [32, 48],
      [64, 64],
    ] as const) {
      const features = await network.describe(plain(width, height, rgb));
      const [mean, deviation] = [
        [0.485, 0.456, 0.406],
        [0.229, 0.224, 0.225],
      ];
      const expected = rgb.map((value, c) => Math.max(0, (value / 255 - mean![c]!) / deviation![c]!));
      expect(expected[2]).toBe(0);
      features.forEach((value, c) => {
        expect(value).toBeCloseTo(expected[c]!, 5);
      });
    }
    await network.release();
  });

  it("take face-api's descriptor of faces, and refuse what is not square", async () => {
    const network = await loadFeatureNetwork({ name: 'face-api' }, await createNodeRuntime());
    const face = createPixels(
      96,
      96,
      3,
      Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => 128 + 100 * Math.sin(i / 50)),
    );
    const describer = await loadFaceDescriber(96);
    const expected = await describer.describe(pixelsToTensor(face));
    expect(expected).toHaveLength(128);
    expect(await network.describe(face)).toEqual(expected);
    await expect(network.describe(plain(40, 32, [1, 2, 3]))).rejects.toThrow('a picture of 40 x 32');
    await describer.release();
    await network.release();
  });

  it('name a file that is missing', async () => {
    const choice = { name: 'vgg16', vgg: join(folder, 'none.pth') } as const;
    await expect(loadFeatureNetwork(choice, await createNodeRuntime())).rejects.toThrow(
      /Cannot read .*none\.pth/,
    );
  });
});
