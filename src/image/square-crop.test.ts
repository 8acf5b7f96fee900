import { expect, test } from 'vitest';
import { createPixels } from './pixels.ts';
import { centerCrop, cropSquare, resizeSquare } from './square-crop.ts';

/** 5 x 3 pixels, each of its own number. */
const wide = createPixels(
  5,
  3,
  1,
  Uint8Array.from({ length: 15 }, (_, i) => i),
);

test('cuts the largest square from the centre', () => {
  expect([...cropSquare(wide, centerCrop).data]).toEqual([1, 2, 3, 6, 7, 8, 11, 12, 13]);
});

test('cuts a square and flips it left to right', () => {
  expect([...cropSquare(wide, { side: 2 / 3, left: 1, top: 0 }, true).data]).toEqual([4, 3, 9, 8]);
});

test('flips the channels of a pixel together', () => {
  const pair = createPixels(
    2,
    2,
    3,
    Uint8Array.from({ length: 12 }, (_, i) => i),
  );
  expect([...cropSquare(pair, centerCrop, true).data]).toEqual([3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]);
});

test('shrinks by area, and enlarges', () => {
  const square = createPixels(2, 2, 1, Uint8Array.of(0, 10, 20, 33));
  expect([...resizeSquare(square, 1).data]).toEqual([15.75]);
  expect(resizeSquare(square, 2)).toBe(square);
  expect(resizeSquare(square, 5)).toMatchObject({ width: 5, height: 5 });
});
