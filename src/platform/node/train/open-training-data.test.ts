import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { degrade, scaleDegradation } from '../../../image/degradation.ts';
import { pixelsToTensor } from '../../../image/pixel-tensor.ts';
import { toBytePixels } from '../../../image/pixels.ts';
import { resizePixels } from '../../../image/resize.ts';
import { centerCrop, cropSquare, resizeSquare } from '../../../image/square-crop.ts';
import { type TrainingDataSettings, TrainingPlan } from '../../../train/training-data.ts';
import { readImageFile } from '../picture/image-file.ts';
import { roundTripJpeg } from '../picture/jpeg.ts';
import { openTrainingData } from './open-training-data.ts';

const settings: TrainingDataSettings = {
  seed: 1,
  size: 16,
  batch: 2,
  flip: true,
  crop: 'random',
  minCrop: 0.7,
  maxCrop: 1,
  canvas: 32,
  degradation: [{ preset: 'standard', share: 1 }],
};
const here = { workers: 0 };

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'training-data-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A picture of waves, another for each name. */
async function put(name: string, side = 40): Promise<void> {
  const frequency = 0.01 * (name.length + name.charCodeAt(name.indexOf('.') - 1));
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => 128 + 120 * Math.sin(i * frequency));
  await mkdir(dirname(join(root, name)), { recursive: true });
  const image = sharp(data, { raw: { width: side, height: side, channels: 3 } });
  await writeFile(join(root, name), await image.png().toBuffer());
}

describe('openTrainingData', () => {
  it('flips, degrades, crops and resizes by the plan', async () => {
    for (const name of ['b/2.png', 'a.png', 'b/1.png']) await put(name);
    const data = await openTrainingData({ folder: root }, settings, here);
    expect(data.count).toBe(3);
    const { high, low } = await data.batch(4);
    expect([high.shape, low.shape]).toEqual([
      [2, 3, 16, 16],
      [2, 3, 16, 16],
    ]);
    const paths = ['a.png', 'b/1.png', 'b/2.png'];
    for (const [i, plan] of new TrainingPlan(settings, 3).batch(4).entries()) {
      const { pixels } = await readImageFile(join(root, paths[plan.image]!));
      const whole = cropSquare(pixels, centerCrop, plan.flip);
      const good = toBytePixels(resizeSquare(whole, 32));
      const bad = await degrade(good, scaleDegradation(plan.degradation!, 32), roundTripJpeg);
      for (const [actual, expected] of [
        [high, good],
        [low, bad],
      ] as const) {
        const small = resizeSquare(cropSquare(expected, plan.crop), 16);
        expect(actual.data.subarray(i * 768, (i + 1) * 768)).toEqual(pixelsToTensor(small).data);
      }
    }
  });

  it('gives the same batch again, in another order, and after it was closed', async () => {
    for (const name of ['1.png', '2.png', '3.png']) await put(name);
    const first = await openTrainingData({ folder: root }, settings, here);
    const batches = [await first.batch(0), await first.batch(1), await first.batch(2)];
    expect(await first.batch(1)).toEqual(batches[1]);
    await first.close();
    const second = await openTrainingData({ folder: root }, settings, here);
    expect(await second.batch(2)).toEqual(batches[2]);
    expect(await second.batch(0)).toEqual(batches[0]);
    expect(batches[0]).not.toEqual(batches[1]);
  });

  it('gives one tensor where nothing is degraded', async () => {
    await put('1.png');
    const data = await openTrainingData({ folder: root }, { ...settings, degradation: null }, here);
    const { high, low } = await data.batch(0);
    expect(low).toBe(high);
  });

  it('cuts the same square of both pictures of a pair', async () => {
    for (const name of ['hq/1.png', 'hq/in/2.png']) await put(name);
    // The same pictures again: what is done to one is done to the other.
    for (const name of ['lq/1.png', 'lq/in/2.png']) await put(name);
    const data = await openTrainingData({ pairs: root }, settings, here);
    expect(data.count).toBe(2);
    for (const iteration of [0, 1, 2]) {
      const { high, low } = await data.batch(iteration);
      expect(low).not.toBe(high);
      expect(low).toEqual(high);
    }
  });

  it('enlarges the degraded picture of a pair to the size of the good one', async () => {
    await put('hq/1.png', 40);
    await put('lq/1.png', 10);
    const { low } = await (await openTrainingData({ pairs: root }, settings, here)).batch(0);
    const { pixels } = await readImageFile(join(root, 'lq/1.png'));
    const enlarged = toBytePixels(resizePixels(pixels, { width: 40, height: 40 }, 'bilinear'));
    for (const [i, { flip, crop }] of new TrainingPlan(settings, 1).batch(0).entries()) {
      const square = resizeSquare(cropSquare(cropSquare(enlarged, centerCrop, flip), crop), 16);
      expect(low.data.subarray(i * 768, (i + 1) * 768)).toEqual(pixelsToTensor(square).data);
    }
  });

  it('tells pictures of one name apart in a plain folder, and refuses them among pairs', async () => {
    for (const name of ['x/hq/1.png', 'x/hq/1.jpg', 'x/lq/1.png']) await put(name);
    const x = join(root, 'x');
    expect((await openTrainingData({ folder: x }, settings, here)).count).toBe(3);
    await expect(openTrainingData({ pairs: x }, settings, here)).rejects.toThrow(
      /hq\/1\.jpg and .*hq\/1\.png have one name\. Rename/,
    );
  });

  it('rejects a pair of different shapes', async () => {
    await put('hq/1.png', 40);
    const wide = sharp({ create: { width: 40, height: 20, channels: 3, background: '#808080' } });
    await mkdir(join(root, 'lq'));
    await writeFile(join(root, 'lq/1.png'), await wide.png().toBuffer());
    const data = await openTrainingData({ pairs: root }, settings, here);
    await expect(data.batch(0)).rejects.toThrow(
      /Cannot pair .*hq\/1\.png with .*lq\/1\.png: .*differ in shape/,
    );
  });

  it('takes the pictures that are selected', async () => {
    for (const name of ['1.png', '2.png', '3.png', '4.png']) await put(name);
    const select = (position: number, count: number) => position < count - 1;
    expect((await openTrainingData({ folder: root }, settings, { ...here, select })).count).toBe(3);
    await expect(
      openTrainingData({ folder: root }, settings, { ...here, select: () => false }),
    ).rejects.toThrow('none of its 4 pictures is left');
  });

  it('passes over the folder that a run writes to', async () => {
    for (const name of ['1.png', 'run/2.png']) await put(name);
    const outputFolder = join(root, 'run');
    expect((await openTrainingData({ folder: root }, settings, { ...here, outputFolder })).count).toBe(1);
  });

  it('names pictures that cannot be read, up to five', async () => {
    await put('1.png');
    for (let i = 0; i < 7; i++) await writeFile(join(root, `bad${i}.jpg`), 'no picture');
    await expect(openTrainingData({ folder: root }, settings, here)).rejects.toThrow(
      /7 of 8 pictures cannot be read: .*bad0\.jpg \(it is not a picture.*bad4\.jpg \([^)]*\) and 2 more\. Replace/,
    );
  });

  it('names a picture that is damaged behind its header when its batch is made', async () => {
    await put('1.png');
    const whole = await sharp(join(root, '1.png')).png().toBuffer();
    // One that ends too early is named before.
    whole.fill(0xff, whole.length / 2, whole.length / 2 + 8);
    await writeFile(join(root, '1.png'), whole);
    const data = await openTrainingData({ folder: root }, settings, here);
    await expect(data.batch(0)).rejects.toThrow(/1\.png: the PNG file/);
  });

  it('names pictures without a partner', async () => {
    for (const name of ['hq/1.png', 'hq/2.png', 'lq/1.png', 'lq/3.png']) await put(name);
    await expect(openTrainingData({ pairs: root }, settings, here)).rejects.toThrow(
      /no partner of the same name for .*hq\/2\.png, .*lq\/3\.png\. Add/,
    );
  });

  it('rejects folders without pictures, and options out of range', async () => {
    await expect(openTrainingData({ folder: root }, settings, here)).rejects.toThrow('Cannot find a picture');
    await expect(openTrainingData({ folder: join(root, 'x') }, settings)).rejects.toThrow('no such file');
    await expect(openTrainingData({ folder: root }, settings, { workers: -1 })).rejects.toThrow('workers -1');
  });

  // Node before 22.18 cannot start a worker from a source file.
  it.skipIf('typescript' in process.features)('says so when its worker fails', async () => {
    await put('1.png');
    const data = await openTrainingData({ folder: root }, settings, { workers: 1 });
    await expect(data.batch(0)).rejects.toThrow('Cannot read training data: a worker thread failed');
    await expect(data.batch(1)).rejects.toThrow('a worker thread failed');
    await data.close();
  });
});
