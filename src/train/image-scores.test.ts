import { expect, it } from 'vitest';
import { hostTensor } from '../tensor/host-tensor.ts';
import { imageScores } from './image-scores.ts';

/** One gray image after another. */
const grays = (size: number, ...levels: number[]) => {
  const images = hostTensor([levels.length, 3, size, size]);
  for (const [i, level] of levels.entries()) images.data.fill(level / 127.5 - 1, i * 3 * size ** 2);
  return images;
};

it('has the mean scores of a batch, clamped and rounded to bytes', () => {
  // 2 and 20 levels apart: the mean of 20 log10(255 / d).
  const { psnr, ssim } = imageScores(grays(12, 100, 250), grays(12, 102.3, 230));
  expect(psnr).toBeCloseTo((20 * Math.log10(255 / 2) + 20 * Math.log10(255 / 20)) / 2, 9);
  const luminance = (a: number, b: number, c = (0.01 * 255) ** 2) => (2 * a * b + c) / (a * a + b * b + c);
  expect(ssim).toBeCloseTo((luminance(100, 102) + luminance(250, 230)) / 2, 9);
});

it('has no SSIM of images smaller than its window', () => {
  expect(Object.keys(imageScores(grays(8, 1), grays(8, 2)))).toEqual(['psnr']);
});
