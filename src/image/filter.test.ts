import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { filter2d } from './filter.ts';
import { FourierTransform } from './fourier.ts';
import { gaussianBlur } from './gaussian-blur.ts';
import { gaussianKernel, gaussianWeights, type Kernel } from './gaussian-kernel.ts';
import { mirror } from './mirror.ts';
import { createPixels, type FloatPixels } from './pixels.ts';

const image = (width: number, height: number, channels: 1 | 3 = 3) => {
  const noise = new RandomStream(4).fillNormal(new Float32Array(width * height * channels));
  return createPixels(
    width,
    height,
    channels,
    noise.map((value) => 128 + 40 * value),
  );
};

/** One value of the correlation, straight from the definition. */
function correlate(source: FloatPixels, kernel: Kernel, x: number, y: number, channel: number): number {
  const { width, height, channels, data } = source;
  const radius = (kernel.size - 1) / 2;
  let sum = 0;
  for (let row = 0; row < kernel.size; row++)
    for (let column = 0; column < kernel.size; column++) {
      const at = mirror(y + row - radius, height) * width + mirror(x + column - radius, width);
      sum += kernel.weights[row * kernel.size + column]! * data[at * channels + channel]!;
    }
  return sum;
}

function expectCorrelation(source: FloatPixels, kernel: Kernel, actual: FloatPixels, stride: number): void {
  let largest = 0;
  for (let i = 0; i < actual.data.length; i += stride) {
    const pixel = Math.floor(i / source.channels);
    const [x, y] = [pixel % source.width, Math.floor(pixel / source.width)];
    largest = Math.max(
      largest,
      Math.abs(actual.data[i]! - correlate(source, kernel, x, y, i % source.channels)),
    );
  }
  // Half a unit in the last place of a float32 below 512.
  expect(largest).toBeLessThan(2 ** -15);
}

describe('mirror', () => {
  test('reflects about the first and the last position, as often as needed', () => {
    expect([-4, -3, -2, -1, 0, 1, 2, 3, 4, 5].map((i) => mirror(i, 3))).toEqual([
      0, 1, 2, 1, 0, 1, 2, 1, 0, 1,
    ]);
    expect(mirror(-7, 1)).toBe(0);
  });
});

describe('filter2d', () => {
  test('correlates with an asymmetric kernel, border included', () => {
    const kernel = { size: 5, weights: Float64Array.from({ length: 25 }, (_, i) => (i * i) / 4900) };
    for (const [width, height] of [
      [9, 7],
      [70, 33],
      [2, 1],
    ] as const) {
      const source = image(width, height);
      expectCorrelation(source, kernel, filter2d(source, kernel), 1);
    }
  });

  test('correlates over several tiles with the kernels of the degradation', () => {
    const source = image(300, 230);
    const kernel = gaussianKernel(41, 6.1, 1.4, 0.9);
    expectCorrelation(source, kernel, filter2d(source, kernel), 997);
  });

  test('rejects a kernel that is no odd square', () => {
    expect(() => filter2d(image(4, 4), { size: 2, weights: new Float64Array(4) })).toThrow('an odd square');
    expect(() => filter2d(image(4, 4), { size: 3, weights: new Float64Array(8) })).toThrow('8 weights');
  });
});

describe('gaussianBlur', () => {
  test('is the correlation with the outer product of its weights', () => {
    const source = image(12, 10);
    for (const [size, sigma] of [
      [7, 2.3],
      [31, 9],
    ] as const) {
      const line = gaussianWeights(size, sigma);
      const weights = Float64Array.from(
        { length: size * size },
        (_, i) => line[i % size]! * line[Math.floor(i / size)]!,
      );
      expectCorrelation(source, { size, weights }, gaussianBlur(source, size, sigma), 1);
    }
  });

  test('is the same where the image is constant as far as the taps reach', () => {
    const disc = createPixels(
      60,
      50,
      1,
      new Float32Array(60 * 50).map((_, i) =>
        Math.hypot((i % 60) - 40, Math.floor(i / 60) - 20) < 18 ? 1 : 0,
      ),
    );
    for (const size of [3, 9, 21]) {
      const line = gaussianWeights(size, 0.3 * ((size - 1) / 2 - 1) + 0.8);
      const weights = Float64Array.from(
        { length: size * size },
        (_, i) => line[i % size]! * line[Math.floor(i / size)]!,
      );
      expectCorrelation(disc, { size, weights }, gaussianBlur(disc, size), 1);
    }
  });

  test('derives sigma from the size as OpenCV does', () => {
    const source = image(20, 20, 1);
    expect(gaussianBlur(source, 13)).toEqual(gaussianBlur(source, 13, 0.3 * 5 + 0.8));
  });
});

describe('gaussianKernel', () => {
  test('has the given covariance', () => {
    const [sigmaX, sigmaY, theta] = [3, 1.5, 0.6];
    const { size, weights } = gaussianKernel(41, sigmaX, sigmaY, theta);
    const moment = (f: (x: number, y: number) => number) =>
      weights.reduce((sum, w, i) => sum + w * f((i % size) - 20, Math.floor(i / size) - 20), 0);
    const [c, s] = [Math.cos(theta), Math.sin(theta)];
    expect(moment(() => 1)).toBeCloseTo(1, 12);
    expect(moment((x) => x)).toBeCloseTo(0, 12);
    expect(moment((x) => x * x)).toBeCloseTo((c * sigmaX) ** 2 + (s * sigmaY) ** 2, 6);
    expect(moment((_, y) => y * y)).toBeCloseTo((s * sigmaX) ** 2 + (c * sigmaY) ** 2, 6);
    expect(moment((x, y) => x * y)).toBeCloseTo(c * s * (sigmaX ** 2 - sigmaY ** 2), 6);
  });

  test('stays finite for the narrowest blur', () => {
    const { weights } = gaussianKernel(41, 0.1);
    expect(weights[20 * 41 + 20]).toBeCloseTo(1, 12);
    expect(weights.every(Number.isFinite)).toBe(true);
  });

  test('rejects even sizes and sigmas that are not positive', () => {
    expect(() => gaussianKernel(4, 1)).toThrow('4 taps');
    expect(() => gaussianKernel(5, 1, 0)).toThrow('sigma 0');
    expect(() => gaussianWeights(5, Number.NaN)).toThrow(RangeError);
  });
});

describe('FourierTransform', () => {
  test.each([2, 4, 8, 16, 32])('goes there and back at side %i', (side) => {
    const transform = new FourierTransform(side);
    const grid = transform.emptyGrid();
    expect(grid).toHaveLength(2 * side ** 2);
    grid.set(new RandomStream(1).fillNormal(new Float32Array(grid.length)));
    const before = grid.slice();
    transform.forward(grid);
    // The first value of the spectrum is the sum, in whatever order the others are; energy is kept.
    const sum = (values: Float64Array, of: (value: number, i: number) => number) =>
      values.reduce((total, value, i) => total + of(value, i), 0);
    const energy = (values: Float64Array) => sum(values, (value) => value * value);
    expect(energy(grid) / side ** 2).toBeCloseTo(energy(before), 9);
    for (const part of [0, 1])
      expect(grid[part]).toBeCloseTo(
        sum(before, (value, i) => (i % 2 === part ? value : 0)),
        12,
      );
    transform.inverse(grid);
    grid.forEach((value, i) => {
      expect(value).toBeCloseTo(before[i]!, 13);
    });
  });

  test('needs a power of two', () => {
    for (const side of [12, 1, 0])
      expect(() => new FourierTransform(side)).toThrow(`side ${side}: it must be a power of two`);
  });
});
