import { expect, it } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { isGray } from './gray.ts';
import { createPixels } from './pixels.ts';
import { drawVariation, layOverMargins, resamplePicture, varyPicture } from './variation.ts';

const picture = createPixels(2, 1, 3, Uint8Array.of(0, 64, 255, 128, 16, 200));
const none = { gray: 0, exposure: 0, tint: 0, recompression: 0, resampling: 0, overlay: 0 };
/** Neither compressed nor resized again, with nothing laid over. */
const once = { recompressionQuality: null, resampledShare: null, overlay: null };
const draws = (ranges: Partial<typeof none>, count = 2000) =>
  Array.from({ length: count }, (_, i) => drawVariation(new RandomStream(4, [i]), { ...none, ...ranges }));

it('leaves pictures as they are where all is zero', () => {
  for (const draw of draws({}, 50)) {
    expect(draw).toEqual({
      gray: false,
      gammas: [1, 1, 1],
      recompressionQuality: null,
      resampledShare: null,
      overlay: null,
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

it('lays the share over with bands of four to twenty hundredths, half of them of one shade', () => {
  const overlays = draws({ overlay: 0.3 }).flatMap(({ overlay }) => overlay ?? []);
  expect(Math.abs(overlays.length / 2000 - 0.3)).toBeLessThan(0.031);
  const counts = overlays.map(({ depths }) => depths.filter((depth) => depth > 0).length);
  expect(new Set(counts)).toEqual(new Set([1, 2, 3, 4]));
  for (const side of [0, 1, 2, 3]) {
    const depths = overlays.flatMap((overlay) => overlay.depths[side]! || []);
    // One of four is chosen, a quarter of the others comes too: 7 of 16, of about 600.
    expect(Math.abs(depths.length / overlays.length - 7 / 16)).toBeLessThan(0.061);
    expect(Math.min(...depths)).toBeGreaterThanOrEqual(0.04);
    expect(Math.max(...depths)).toBeLessThanOrEqual(0.2);
  }
  const shades = overlays.flatMap(({ shade }) => shade ?? []);
  expect(Math.abs(shades.length / overlays.length - 0.5)).toBeLessThan(0.062);
  expect(shades.every((shade) => Number.isInteger(shade) && shade >= 0 && shade <= 255)).toBe(true);
});

it('lays a shade or the good picture, upside down, over the margins alone', () => {
  const low = createPixels(10, 5, 3, new Uint8Array(150).fill(7));
  const good = createPixels(
    10,
    5,
    3,
    Uint8Array.from({ length: 150 }, (_, i) => 100 + Math.floor(i / 3)),
  );
  const reds = (shade: number | null, depths: [number, number, number, number]) => {
    const { data } = layOverMargins(low, good, { depths, shade });
    return Array.from({ length: 5 }, (_, y) => Array.from({ length: 10 }, (_, x) => data[3 * (10 * y + x)]));
  };
  const row = (...values: number[]) => values;
  expect(reds(255, [0.2, 0, 0.1, 0.2])).toEqual([
    ...Array.from({ length: 4 }, () => row(255, 255, 7, 7, 7, 7, 7, 7, 7, 255)),
    Array.from({ length: 10 }, () => 255),
  ]);
  // The good picture's last row, from its end.
  expect(reds(null, [0, 0.2, 0, 0])).toEqual([
    row(149, 148, 147, 146, 145, 144, 143, 142, 141, 140),
    ...Array.from({ length: 4 }, () => Array.from({ length: 10 }, () => 7)),
  ]);
  expect(low.data.every((value) => value === 7)).toBe(true);
});
