import { expect, it } from 'vitest';
import { createPixels } from '../../image/pixels.ts';
import { arcfaceInput, openCvGray } from './arcface-input.ts';

it('turns colours gray as OpenCV reads a PNG, and leaves gray as it is', () => {
  const colors = createPixels(4, 1, 3, Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77));
  // 255 · 9797 / 32768 = 76.2, 149.7, 29.08: cut, not rounded.
  expect([...openCvGray(colors).data]).toEqual([76, 149, 29, 77]);
  const gray = createPixels(2, 1, 1, Uint8Array.of(3, 250));
  expect([...openCvGray(gray).data]).toEqual([3, 250]);
});

it('takes the whole face, 128 pixels wide, in [-1, 1]', () => {
  const face = createPixels(200, 200, 1, new Uint8Array(40_000).fill(255));
  const { shape, data } = arcfaceInput(face);
  expect(shape).toEqual([1, 1, 128, 128]);
  expect(data.every((value) => value === 1)).toBe(true);
});
