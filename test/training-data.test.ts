import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type * as TrainingDataModule from '../src/platform/node/train/open-training-data.ts';
import { relativeError } from '../src/tensor/host-tensor.ts';
import type { TrainingBatch, TrainingData, TrainingDataSettings } from '../src/train/training-data.ts';

const built = new URL('../dist/platform/node/train/open-training-data.js', import.meta.url);

const settings: TrainingDataSettings = {
  seed: 1,
  size: 16,
  batch: 2,
  flip: true,
  crop: 'random',
  minCrop: 0.7,
  maxCrop: 1,
  canvas: 64,
  degradation: [
    { preset: 'standard', share: 1 },
    { preset: 'severe', share: 1 },
  ],
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'training-data-'));
  for (let i = 0; i < 5; i++) {
    const data = Uint8Array.from({ length: 40 * 40 * 3 }, (_, k) => 128 + 120 * Math.sin(k * (i + 1) * 0.07));
    const image = sharp(data, { raw: { width: 40, height: 40, channels: 3 } });
    await writeFile(join(root, `${i}.png`), await image.png().toBuffer());
  }
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe.skipIf(!existsSync(fileURLToPath(built)))('openTrainingData, built', () => {
  async function open(
    workers: number,
    changes: Partial<TrainingDataSettings> = {},
    lookAhead?: number,
  ): Promise<TrainingData> {
    const { openTrainingData } = (await import(built.href)) as typeof TrainingDataModule;
    return openTrainingData({ folder: root }, { ...settings, ...changes }, { workers, lookAhead });
  }

  async function read(data: TrainingData, iterations: readonly number[]): Promise<TrainingBatch[]> {
    const batches: TrainingBatch[] = [];
    try {
      for (const iteration of iterations) batches.push(await data.batch(iteration));
      return batches;
    } finally {
      await data.close();
    }
  }

  it('gives whole degraded pictures beside parts of them, from workers too', async () => {
    const alone = await read(await open(0), [0]);
    const [here] = await read(await open(0, { wholeContext: true }), [0]);
    const [there] = await read(await open(1, { wholeContext: true }), [0]);
    expect(alone[0]!.whole).toBeUndefined();
    expect(there).toEqual(here);
    expect({ high: here!.high, low: here!.low }).toEqual(alone[0]);
    expect(here!.whole!.shape).toEqual([2, 3, 64, 64]);
    // The whole of which everything is a part, at its size, is the degraded picture itself.
    const whole = { wholeContext: true, crop: 'center', size: 64 } as const;
    const [uncut] = await read(await open(0, whole), [0]);
    expect(uncut!.whole).toEqual(uncut!.low);
    expect(uncut!.whole).not.toEqual(uncut!.high);
    // Crops do not change what is cropped.
    expect(here!.whole).toEqual(uncut!.whole);
  });

  it('varies both pictures alike, and resizes and compresses the degraded one again', async () => {
    const whole = { crop: 'center', size: 64 } as const;
    const none = { gray: 0, exposure: 0, tint: 0, recompression: 0, resampling: 0, overlay: 0 };
    const read0 = async (variation?: typeof none): Promise<TrainingBatch> =>
      (await read(await open(0, { ...whole, variation }), [0]))[0]!;
    const plain = await read0();
    expect(await read0(none)).toEqual(plain);
    const gray = await read0({ ...none, gray: 1 });
    const area = 64 * 64;
    for (const { data } of [gray.high, gray.low])
      expect(data.subarray(area, 2 * area)).toEqual(data.subarray(0, area));
    for (const what of ['recompression', 'resampling']) {
      const again = await read0({ ...none, [what]: 1 });
      expect(again.high).toEqual(plain.high);
      expect(again.low).not.toEqual(plain.low);
      // As strong as a compression at quality 50 or better.
      expect(relativeError(again.low.data, plain.low.data)).toBeLessThan(0.3);
    }
    // What lies over the margins is equally sharp in both pictures; within them nothing changes.
    const laid = await read0({ ...none, overlay: 1 });
    const changed = [...laid.high.data.keys()].filter(
      (i) => laid.high.data[i] !== plain.high.data[i] || laid.low.data[i] !== plain.low.data[i],
    );
    expect(changed.length).toBeGreaterThan(100);
    expect(changed.length).toBeLessThan(0.8 * laid.high.data.length);
    for (const i of changed) expect(laid.low.data[i]).toBe(laid.high.data[i]);
  });

  it('makes in workers what it makes in this thread, in any order', async () => {
    const expected = await read(await open(0), [0, 1, 2, 3, 4]);
    expect(await read(await open(1), [0, 1, 2, 3, 4])).toEqual(expected);
    expect(await read(await open(2), [0, 1, 2, 3, 4])).toEqual(expected);
    expect(await read(await open(3, {}, 0), [4, 0, 0, 2, 1])).toEqual(
      [4, 0, 0, 2, 1].map((iteration) => expected[iteration]),
    );
  });

  it('answers several requests at once', async () => {
    const expected = await read(await open(0), [0, 7, 3]);
    const data = await open(2);
    expect(await Promise.all([0, 7, 3].map((iteration) => data.batch(iteration)))).toEqual(expected);
    await data.close();
  });

  it('gives one tensor where nothing is degraded', async () => {
    const [batch] = await read(await open(1, { degradation: null }), [0]);
    expect(batch!.low).toBe(batch!.high);
  });

  it('names a picture that is gone, and goes on with others', async () => {
    const data = await open(1, { batch: 1 });
    await rm(join(root, '3.png'));
    const outcomes = await Promise.allSettled([0, 1, 2, 3, 4].map((iteration) => data.batch(iteration)));
    const failed = outcomes.filter(({ status }) => status === 'rejected');
    expect(failed).toMatchObject([{ reason: { message: expect.stringMatching(/^Cannot read .*3\.png: /) } }]);
    await data.close();
  });

  it('ends what is waited for when it is closed', async () => {
    const data = await open(1);
    const batch = expect(data.batch(0)).rejects.toThrow('the training data is closed');
    await data.close();
    await batch;
    await expect(data.batch(1)).rejects.toThrow('the training data is closed');
  });
});
