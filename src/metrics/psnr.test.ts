import { describe, expect, test } from 'vitest';
import { createPixels } from '../image/pixels.ts';
import { psnr } from './psnr.ts';

const flat = (value: number, width = 8, height = 6) =>
  createPixels(width, height, 3, new Uint8Array(width * height * 3).fill(value));

describe('psnr', () => {
  test('of a constant difference', () => {
    expect(psnr(flat(100), flat(110))).toBeCloseTo(20 * Math.log10(255 / 10), 12);
  });

  test('is infinite for equal images', () => {
    expect(psnr(flat(3), flat(3))).toBe(Number.POSITIVE_INFINITY);
  });

  test('of luma weighs red, green and blue by BT.601', () => {
    const green = flat(100);
    for (let i = 1; i < green.data.length; i += 3) green.data[i] = 110;
    const difference = (10 * 128.553) / 255;
    expect(psnr(flat(100), green, { luma: true })).toBeCloseTo(20 * Math.log10(255 / difference), 10);
  });

  test('leaves out the border', () => {
    const spotted = flat(100);
    spotted.data[0] = 255;
    spotted.data[(3 * 8 + 4) * 3] = 90;
    const within = 20 * Math.log10(255 / Math.sqrt(100 / (4 * 2 * 3)));
    expect(psnr(flat(100), spotted, { cropBorder: 2 })).toBeCloseTo(within, 12);
  });

  test('leaves out alpha', () => {
    const a = createPixels(1, 1, 4, Uint8Array.of(1, 2, 3, 0));
    const b = createPixels(1, 1, 4, Uint8Array.of(1, 2, 3, 255));
    expect(psnr(a, b)).toBe(Number.POSITIVE_INFINITY);
  });

  test('rejects images of different form, and borders that leave nothing', () => {
    expect(() => psnr(flat(1), flat(1, 6, 8))).toThrow('8 x 6 x 3');
    expect(() => psnr(flat(1), flat(1), { cropBorder: 3 })).toThrow('border of 3');
    expect(() => psnr(flat(1), flat(1), { cropBorder: -1 })).toThrow(RangeError);
  });
});
