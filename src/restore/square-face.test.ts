import { describe, expect, it } from 'vitest';
import { hostTensor } from '../tensor/host-tensor.ts';
import { cutWindow, pixelsToTensor, resizeBilinear, tensorToPixels, toSquareFace } from './square-face.ts';

function gray(width: number, height: number, data: readonly number[]) {
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

describe('resizeBilinear', () => {
  it('samples without antialiasing, at half-pixel centres', () => {
    expect([...resizeBilinear(gray(4, 1, [0, 10, 20, 200]), 2, 1).data]).toEqual([5, 110]);
    expect([...resizeBilinear(gray(6, 1, [0, 10, 20, 30, 40, 90]), 2, 1).data]).toEqual([10, 40]);
  });

  it('keeps channels apart', () => {
    const two = { width: 2, height: 1, channels: 2, data: Uint8Array.from([0, 100, 40, 200]) };
    expect([...resizeBilinear(two, 4, 1).data]).toEqual([0, 100, 10, 125, 30, 175, 40, 200]);
  });
});

describe('pixels and tensors', () => {
  it('are each other, from 0..255 to [-1, 1] and channels first', () => {
    const data = Uint8Array.from({ length: 256 * 3 }, (_, i) => (i * 7) % 256);
    const pixels = { width: 16, height: 16, channels: 3, data };
    const tensor = pixelsToTensor(pixels);
    expect(tensor.shape).toEqual([1, 3, 16, 16]);
    expect(tensor.data[0]).toBe(-1);
    expect(tensor.data[256]).toBeCloseTo(7 / 127.5 - 1, 6);
    expect(tensor.data[1]).toBeCloseTo(21 / 127.5 - 1, 6);
    expect(tensorToPixels(tensor)).toEqual(pixels);
  });

  it('clamps, and refuses what is no number', () => {
    const shape = [1, 3, 1, 1];
    expect([...tensorToPixels(hostTensor(shape, Float32Array.from([-9, 0, 9]))).data]).toEqual([0, 128, 255]);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => tensorToPixels(hostTensor(shape, Float32Array.from([0, value, 0])))).toThrow(
        `it has ${value} in it`,
      );
  });
});
