import { describe, expect, test } from 'vitest';
import { type TrainingDataSettings, TrainingPlan } from './training-data.ts';

const settings: TrainingDataSettings = {
  seed: 3,
  size: 16,
  batch: 4,
  flip: true,
  crop: 'random',
  minCrop: 0.6,
  maxCrop: 1,
  canvas: 64,
  degradation: [
    { preset: 'standard', share: 3 },
    { preset: 'severe', share: 1 },
  ],
};
const count = 10;

const planAll = (changes: Partial<TrainingDataSettings>, iterations: number, images = count) => {
  const plan = new TrainingPlan({ ...settings, ...changes }, images);
  return Array.from({ length: iterations }, (_, i) => plan.batch(i)).flat();
};

describe('TrainingPlan', () => {
  test('plans an iteration alike whatever was planned before', () => {
    const inOrder = planAll({}, 12);
    const plan = new TrainingPlan(settings, count);
    for (const iteration of [7, 2, 11, 0, 7])
      expect(plan.batch(iteration)).toEqual(inOrder.slice(4 * iteration, 4 * iteration + 4));
  });

  test('takes every image once in an epoch, each epoch in an order of its own', () => {
    const images = planAll({}, 10).map(({ image }) => image);
    const epochs = [0, 1, 2, 3].map((epoch) => images.slice(epoch * count, (epoch + 1) * count));
    for (const epoch of epochs)
      expect([...epoch].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(epochs.map(String)).size).toBe(4);
  });

  test('varies pictures without changing what else is drawn', () => {
    const variation = {
      gray: 0.5,
      exposure: 0.5,
      tint: 0.1,
      recompression: 0.5,
      resampling: 0.5,
      overlay: 0.5,
    };
    const varied = planAll({ variation }, 3);
    expect(varied.map((sample) => ({ ...sample, variation: null }))).toEqual(planAll({}, 3));
    expect(new Set(varied.map(({ variation }) => JSON.stringify(variation))).size).toBe(varied.length);
  });

  test('draws other samples by another seed', () => {
    expect(planAll({ seed: 4 }, 3)).not.toEqual(planAll({}, 3));
  });

  test('plans the same samples in batches of another size', () => {
    expect(planAll({ batch: 2 }, 6)).toEqual(planAll({ batch: 3 }, 4));
  });

  test('flips half of the images, and degrades by the shares', () => {
    const samples = planAll({}, 500);
    // Five standard deviations of 2000 draws.
    expect(Math.abs(samples.filter(({ flip }) => flip).length / 2000 - 0.5)).toBeLessThan(5 * 0.0112);
    // Below a factor of 4 only the standard ranges go, with 3 of their 11.
    const mild = samples.filter(({ degradation }) => degradation!.downsample < 4).length;
    expect(Math.abs(mild / 2000 - (0.75 * 3) / 11)).toBeLessThan(5 * 0.0091);
  });

  test('keeps squares inside the picture and not below the smallest', () => {
    const crops = planAll({}, 200).map(({ crop }) => crop);
    expect(Math.min(...crops.map(({ side }) => side))).toBeGreaterThanOrEqual(0.6);
    expect(Math.max(...crops.flatMap(({ side, left, top }) => [side, left, top]))).toBeLessThanOrEqual(1);
  });

  test('leaves the other draws as they are where one is switched off', () => {
    const changed = planAll({ flip: false, crop: 'center', degradation: null }, 5);
    expect(changed.map(({ image }) => image)).toEqual(planAll({}, 5).map(({ image }) => image));
    for (const { flip, crop, degradation } of changed)
      expect({ flip, crop, degradation }).toEqual({
        flip: false,
        crop: { side: 1, left: 0.5, top: 0.5 },
        degradation: null,
      });
    const noFlip = planAll({ flip: false }, 5).map(({ degradation }) => degradation);
    expect(noFlip).toEqual(planAll({}, 5).map(({ degradation }) => degradation));
  });

  test.each([
    [{ size: 0 }, 'size 0'],
    [{ batch: 1.5 }, 'batch 1.5'],
    [{ minCrop: 0 }, 'minCrop 0'],
    [{ minCrop: 1.1 }, 'minCrop 1.1'],
    [{ canvas: 8 }, 'a canvas of at least 16'],
    [{ degradation: [] }, 'positive share'],
  ])('rejects %j', (changes, message) => {
    expect(() => new TrainingPlan({ ...settings, ...changes }, count)).toThrow(message);
  });

  test('rejects no images, and iterations that are none', () => {
    expect(() => new TrainingPlan(settings, 0)).toThrow('at least one');
    expect(() => new TrainingPlan(settings, 1).batch(-1)).toThrow(RangeError);
    expect(() => new TrainingPlan(settings, 1).batch(0.5)).toThrow(RangeError);
  });
});
