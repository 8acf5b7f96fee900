import { describe, expect, it } from 'vitest';
import { quantile, summarizeEvaluation } from './evaluation.ts';

describe('the summary of an evaluation', () => {
  it('has the means of what was measured on every image', () => {
    const images = [
      {
        name: 'a',
        ...{ psnr: 20, ssim: 0.5, sharpness: 0.7, identity: 30, ms: 100 },
        input: { psnr: 10, ssim: 0.2, sharpness: 0.1 },
      },
      {
        name: 'b',
        ...{ psnr: 30, ssim: 0.7, sharpness: 0.9, ms: 300 },
        input: { psnr: 14, ssim: 0.4, sharpness: 0.3 },
      },
    ];
    const summary = summarizeEvaluation(images);
    expect(summary.count).toBe(2);
    expect(summary.mean).toEqual({ psnr: 25, ssim: 0.6, sharpness: 0.8, ms: 200 });
    expect(summary.input!.psnr).toBe(12);
    expect(summary.input!.ssim).toBeCloseTo(0.3, 12);
    expect(summary.input!.sharpness).toBeCloseTo(0.2, 12);
    expect(summary.images).toBe(images);
    expect(summary).not.toHaveProperty('frechet');
  });

  it('has the Fréchet distance of the descriptors', () => {
    const image = { psnr: 20, ssim: 0.5, sharpness: 0.8 };
    const images = [
      { name: 'a', ...image },
      { name: 'b', ...image },
    ];
    const at = (...values: number[]) => Float32Array.from(values);
    // Equal covariances: what is left is the squared distance of the means, 3² + 4².
    const summary = summarizeEvaluation(images, {
      network: 'faceres',
      truth: [at(0, 0), at(2, 0)],
      restored: [at(3, 4), at(5, 4)],
      input: [],
    });
    expect(summary.frechet).toBeCloseTo(25, 6);
    expect(summary.features).toBe('faceres');
    expect(summary).not.toHaveProperty('input');
  });

  it('cannot be made of nothing', () => {
    expect(() => summarizeEvaluation([])).toThrow(RangeError);
  });
});

it('takes quantiles between neighbours', () => {
  expect([0, 0.25, 0.5, 0.75, 1].map((share) => quantile([30, 10, 20], share))).toEqual([10, 15, 20, 25, 30]);
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1], 0.75)).toBe(
    Number.POSITIVE_INFINITY,
  );
});
