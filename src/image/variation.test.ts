import { expect, it } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { isGray } from './gray.ts';
import { createPixels } from './pixels.ts';
import { drawVariation, resamplePicture, varyPicture } from './variation.ts';

const picture = createPixels(2, 1, 3, Uint8Array.of(0, 64, 255, 128, 16, 200));
const none = { gray: 0, exposure: 0, tint: 0, recompression: 0, resampling: 0 };
/** Neither compressed nor resized again. */
const once = { recompressionQuality: null, resampledShare: null };
const draws = (ranges: Partial<typeof none>, count = 2000) =>
  Array.from({ length: count }, (_, i) => drawVariation(new RandomStream(4, [i]), { ...none, ...ranges }));

it('leaves pictures as they are where all is zero', () => {
  for (const draw of draws({}, 50)) {
    expect(draw).toEqual({
      gray: false,
      gammas: [1, 1, 1],
      recompressionQuality: null,
      resampledShare: null,
    });
    expect(varyPicture(picture, draw)).toEqual(picture);
  }
});

it('makes the share gray and compresses the share again, at qualities from 50 to 95', () => {
  const drawn = draws({ gray: 0.25, recompression: 0.4 });
  const share = (count: number): number => count / drawn.length;
  // Three standard deviations of such a share among 2000.
  expect(Math.abs(share(drawn.filter(({ gray }) => gray).length) - 0.25)).toBeLessThan(0.03);
  const qualities = drawn.flatMap(({ recompressionQuality }) => recompressionQuality ?? []);
  expect(Math.abs(share(qualities.length) - 0.4)).toBeLessThan(0.033);
  expect([Math.min(...qualities), Math.max(...qualities)]).toEqual([50, 95]);
});

it('lightens and darkens all colours alike by the exposure, each by itself by the tint', () => {
  for (const { gammas } of draws({ exposure: 0.5 }, 200)) {
    expect(new Set(gammas).size).toBe(1);
    expect(Math.abs(Math.log2(gammas[0]))).toBeLessThanOrEqual(0.5);
  }
  const tinted = draws({ tint: 0.2 }, 200).map(({ gammas }) => gammas);
  expect(tinted.every(([r, g, b]) => r !== g && g !== b)).toBe(true);
  const exponents = tinted.flat().map(Math.log2);
  expect(Math.max(...exponents.map(Math.abs))).toBeLessThanOrEqual(0.2);
  expect([Math.sign(Math.min(...exponents)), Math.sign(Math.max(...exponents))]).toEqual([-1, 1]);
});

it('raises each colour to its power, black and white staying', () => {
  const { data } = varyPicture(picture, { ...once, gray: false, gammas: [2, 1, 0.5] });
  // 255·(128/255)² = 64.25, 255·√(200/255) = 225.8
  expect([...data]).toEqual([0, 64, 255, 64, 16, 226]);
});

it('makes gray what the powers have left', () => {
  const varied = varyPicture(picture, { ...once, gray: true, gammas: [1, 1, 1] });
  expect(isGray(varied)).toBe(true);
  // 0.299·128 + 0.587·16 + 0.114·200 = 70.5
  expect([70, 71]).toContain(varied.data[3]);
});

it('resizes the share, down to a third, and keeps the size', () => {
  const shares = draws({ resampling: 0.3 }).flatMap(({ resampledShare }) => resampledShare ?? []);
  expect(Math.abs(shares.length / 2000 - 0.3)).toBeLessThan(0.031);
  expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.35);
  expect(Math.max(...shares)).toBeLessThanOrEqual(1);
  // A checkerboard of single pixels is gray once it has been half as large; an even picture stays as it is.
  const board = createPixels(
    8,
    8,
    3,
    Uint8Array.from({ length: 192 }, (_, i) => 255 * ((Math.floor(i / 3) + Math.floor(i / 24)) % 2)),
  );
  const { width, height, data } = resamplePicture(board, 0.5);
  expect([width, height]).toEqual([8, 8]);
  expect(data.every((value) => Math.abs(value - 127.5) <= 1)).toBe(true);
  const even = createPixels(5, 5, 3, new Uint8Array(75).fill(90));
  expect(resamplePicture(even, 0.4)).toEqual(even);
});
