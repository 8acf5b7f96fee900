import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import {
  addNoise,
  blurAndShrink,
  type DegradationRanges,
  degrade,
  drawDegradation,
  type JpegRoundTrip,
  scaleDegradation,
  severeDegradation,
  standardDegradation,
} from './degradation.ts';
import { filter2d } from './filter.ts';
import { gaussianKernel } from './gaussian-kernel.ts';
import { createPixels } from './pixels.ts';
import { resizePixels } from './resize.ts';

const photo = createPixels(
  64,
  48,
  3,
  Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => 128 + 100 * Math.sin(i / 40)),
);
const keep: JpegRoundTrip = async (pixels) => pixels;

describe('drawDegradation', () => {
  test.each([
    ['standard', standardDegradation],
    ['severe', severeDegradation],
  ] as const)('draws the %s ranges evenly', (_, ranges) => {
    const count = 4000;
    const draws = Array.from({ length: count }, (_, i) => drawDegradation(new RandomStream(1, [i]), ranges));
    const isotropic = draws.filter(({ sigmaX, sigmaY, theta }) => sigmaX === sigmaY && theta === 0);
    expect(Math.abs(isotropic.length / count - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / count));
    expectEven(
      draws.map(({ sigmaX }) => sigmaX),
      ranges.blurSigma,
    );
    const turned = draws.filter(({ theta }) => theta !== 0);
    expectEven(
      turned.map(({ sigmaY }) => sigmaY),
      ranges.blurSigma,
    );
    expectEven(
      turned.map(({ theta }) => theta),
      [-Math.PI, Math.PI],
    );
    expectEven(
      draws.map(({ downsample }) => downsample),
      ranges.downsample,
    );
    expectEven(
      draws.map(({ noiseSigma }) => noiseSigma),
      ranges.noiseSigma,
    );
    expectEven(
      draws.map(({ jpegQuality }) => jpegQuality + 0.5),
      ranges.jpegQuality,
    );
    expect(draws.every(({ jpegQuality }) => Number.isInteger(jpegQuality))).toBe(true);
  });

  /** All within the range, with its mean and its spread. */
  function expectEven(values: readonly number[], [low, high]: readonly [number, number]): void {
    expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
    expect(Math.max(...values)).toBeLessThanOrEqual(high);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = (high - low) / Math.sqrt(12);
    expect(Math.abs(mean - (low + high) / 2)).toBeLessThan((5 * deviation) / Math.sqrt(values.length));
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(Math.abs(spread / deviation - 1)).toBeLessThan(0.05);
  }

  test('takes as many words whatever it draws', () => {
    const positions = [1, 2, 3, 4, 5, 6].map((key) => {
      const stream = new RandomStream(1, [key]);
      drawDegradation(stream, standardDegradation);
      return stream.position;
    });
    expect(new Set(positions).size).toBe(1);
  });
});

describe('degrade', () => {
  const draws = drawDegradation(new RandomStream(2), standardDegradation);

  test('repeats exactly from draws that were written down', async () => {
    const replayed = JSON.parse(JSON.stringify(draws));
    expect((await degrade(photo, replayed, keep)).data).toEqual((await degrade(photo, draws, keep)).data);
  });

  test('gives JPEG the small, noisy 8-bit image and its quality, and restores the size', async () => {
    const seen: unknown[] = [];
    const result = await degrade(
      photo,
      { ...draws, downsample: 3.7, jpegQuality: 71 },
      async (pixels, quality) => {
        seen.push(pixels.width, pixels.height, pixels.data instanceof Uint8Array, quality);
        return pixels;
      },
    );
    expect(seen).toEqual([17, 12, true, 71]);
    expect([result.width, result.height, result.channels]).toEqual([64, 48, 3]);
    expect(result.data).toBeInstanceOf(Uint8Array);
  });

  test('without blur, shrinking, noise and JPEG is the image itself', async () => {
    const nothing: DegradationRanges = {
      ...standardDegradation,
      blurSigma: [0.1, 0.1],
      downsample: [1, 1],
      noiseSigma: [0, 0],
    };
    const same = await degrade(photo, drawDegradation(new RandomStream(3), nothing), keep);
    expect(same.data).toEqual(photo.data);
  });

  test('keeps one pixel of an image smaller than the factor', () => {
    const tiny = createPixels(3, 2, 3, new Uint8Array(18).fill(9));
    const small = blurAndShrink(tiny, { ...draws, downsample: 12 });
    expect([small.width, small.height]).toEqual([1, 1]);
    for (const value of small.data) expect(value).toBeCloseTo(9, 4);
  });
});

describe('blurAndShrink', () => {
  test.each([
    [3, 3, 4.3],
    [0.1, 0.1, 1],
    [9, 2, 1.6],
    [5, 5, 30],
  ])('of sigmas %d and %d along the axes is the filter, then the resize', (sigmaX, sigmaY, downsample) => {
    const draws = { kernelSize: 41, sigmaX, sigmaY, theta: 0, downsample };
    const small = blurAndShrink(photo, draws);
    const blurred = filter2d(photo, gaussianKernel(41, sigmaX, sigmaY));
    const expected = resizePixels(blurred, small, 'bilinear');
    // The two stages round to float32 (below 256: half of 2^-16) in other places, a few times.
    for (const [i, value] of small.data.entries())
      expect(Math.abs(value - expected.data[i]!)).toBeLessThan(2 ** -14);
  });
});

describe('scaleDegradation', () => {
  const draws = drawDegradation(new RandomStream(5), severeDegradation);

  test('leaves the draws for 512 pixels as they are', () => {
    expect(scaleDegradation(draws, 512)).toBe(draws);
  });

  test.each([64, 128, 256, 300, 1024])('shrinks %i pixels to as many as 512', (side) => {
    for (let downsample = 1; downsample < 30; downsample += 0.37) {
      const scaled = scaleDegradation({ ...draws, downsample }, side);
      expect(Math.floor(side / scaled.downsample)).toBe(Math.floor(512 / downsample));
      expect(scaled.kernelSize % 2).toBe(1);
      expect(scaled.sigmaX / side).toBeCloseTo(draws.sigmaX / 512, 12);
    }
  });
});

describe('addNoise', () => {
  const gray = createPixels(2, 2, 1, Float32Array.of(0, 100, 200, 255));

  test('scales and clamps', () => {
    expect([...addNoise(gray, Float32Array.of(-1, 1, 2, 3), 10).data]).toEqual([0, 110, 220, 255]);
  });

  test('rejects noise of another size', () => {
    expect(() => addNoise(gray, new Float32Array(3), 1)).toThrow('3 values');
  });
});
