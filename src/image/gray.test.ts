import { expect, it } from 'vitest';
import { isGray, toGray, withColorsOf } from './gray.ts';
import { createPixels } from './pixels.ts';

const rgb = (...values: number[]) => createPixels(values.length / 3, 1, 3, Uint8Array.from(values));

it('tells gray from colours', () => {
  expect(isGray(rgb(7, 7, 7, 200, 202, 201))).toBe(true);
  expect(isGray(rgb(7, 7, 7, 200, 203, 200))).toBe(false);
});

it('leaves gray as it is, and makes the rest gray to the bit', () => {
  const every = createPixels(
    256,
    1,
    3,
    Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
  );
  expect(toGray(every).data).toEqual(every.data);
  const { data } = toGray(rgb(255, 0, 0, 3, 99, 200));
  expect([data[0], data[3]]).toEqual([76, 82]);
  for (const i of [0, 3]) expect([data[i + 1], data[i + 2]]).toEqual([data[i], data[i]]);
});

it('takes light from one image and colours from another', () => {
  expect([...withColorsOf(rgb(90, 90, 90), rgb(120, 100, 60)).data]).toEqual([109, 89, 49]);
});
