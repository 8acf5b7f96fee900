import { describe, expect, test } from 'vitest';
import { createPixels } from '../image/pixels.ts';
import { RandomStream } from '../random/random-stream.ts';
import { ssim } from './ssim.ts';

function noiseImage(key: number, width: number, height: number) {
  const stream = new RandomStream(5, [key]);
  return createPixels(
    width,
    height,
    3,
    Uint8Array.from({ length: width * height * 3 }, () => stream.integer(256)),
  );
}

/** One window, straight from the definition, in two dimensions. */
function windowSsim(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const weights = Array.from({ length: 121 }, (_, i) => {
    const [x, y] = [(i % 11) - 5, Math.floor(i / 11) - 5];
    return Math.exp(-(x * x + y * y) / (2 * 1.5 ** 2));
  });
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = (f: (i: number) => number) => weights.reduce((sum, w, i) => sum + (w / total) * f(i), 0);
  const ma = mean((i) => a[i]!);
  const mb = mean((i) => b[i]!);
  const va = mean((i) => (a[i]! - ma) ** 2);
  const vb = mean((i) => (b[i]! - mb) ** 2);
  const cov = mean((i) => (a[i]! - ma) * (b[i]! - mb));
  const [c1, c2] = [2.55 ** 2, 7.65 ** 2];
  return ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2));
}

describe('ssim', () => {
  test('is the mean of the formula over every window and channel', () => {
    const [width, height] = [14, 12];
    const a = noiseImage(0, width, height);
    const b = noiseImage(1, width, height);
    let sum = 0;
    for (let channel = 0; channel < 3; channel++)
      for (let y = 0; y <= height - 11; y++)
        for (let x = 0; x <= width - 11; x++) {
          const window = (data: ArrayLike<number>) =>
            Array.from(
              { length: 121 },
              (_, i) => data[((y + Math.floor(i / 11)) * width + x + (i % 11)) * 3 + channel]!,
            );
          sum += windowSsim(window(a.data), window(b.data));
        }
    expect(ssim(a, b)).toBeCloseTo(sum / (3 * 4 * 2), 12);
  });

  test('is 1 for equal images, with and without luma', () => {
    const a = noiseImage(0, 20, 20);
    expect(ssim(a, a)).toBeCloseTo(1, 14);
    expect(ssim(a, a, { luma: true, cropBorder: 4 })).toBeCloseTo(1, 14);
  });

  test('rejects images smaller than its window', () => {
    const a = noiseImage(0, 18, 20);
    expect(() => ssim(a, a, { cropBorder: 4 })).toThrow('10 x 12');
  });
});
