import { describe, expect, it } from 'vitest';
import type { BytePixels } from './pixels.ts';
import { cutWindow, toSquareFace } from './square-face.ts';

function gray(width: number, height: number, data: readonly number[]): BytePixels {
  return { width, height, channels: 1, data: Uint8Array.from(data) };
}

describe('toSquareFace', () => {
  it('only resizes a square picture', () => {
    const pixels = gray(2, 2, [0, 100, 100, 200]);
    expect(toSquareFace(pixels, 2)).toEqual({
      square: pixels,
      window: { left: 0, top: 0, width: 2, height: 2 },
    });
    const { square, window } = toSquareFace(pixels, 4);
    expect(window).toEqual({ left: 0, top: 0, width: 4, height: 4 });
    expect([...square.data]).toEqual([
      0, 25, 75, 100, 25, 50, 100, 125, 75, 100, 150, 175, 100, 125, 175, 200,
    ]);
  });

  it('centres another one and repeats its edge, and the window gets it back', () => {
    const wide = gray(4, 2, [1, 2, 3, 4, 5, 6, 7, 8]);
    const { square, window } = toSquareFace(wide, 4);
    expect([...square.data]).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8]);
    expect(cutWindow(square, window)).toEqual(wide);
    const tall = gray(2, 3, [1, 2, 3, 4, 5, 6]);
    const fitted = toSquareFace(tall, 3);
    expect([...fitted.square.data]).toEqual([1, 2, 2, 3, 4, 4, 5, 6, 6]);
    expect(cutWindow(fitted.square, fitted.window)).toEqual(tall);
  });

  it('keeps the proportions while resizing', () => {
    const { square, window } = toSquareFace(gray(30, 20, Array(600).fill(9)), 512);
    expect(window).toEqual({ left: 0, top: 85, width: 512, height: 341 });
    expect(square).toMatchObject({ width: 512, height: 512 });
    expect(square.data.every((value) => value === 9)).toBe(true);
  });

  it('enlarges a single pixel and refuses strips', () => {
    expect([...toSquareFace(gray(1, 1, [7]), 3).square.data]).toEqual(Array(9).fill(7));
    expect(() => toSquareFace(gray(5, 2, Array(10).fill(0)), 8)).toThrow(
      new RangeError('Cannot fit 5 x 2 pixels into a square: an aligned face is square; cut it out first'),
    );
  });
});
