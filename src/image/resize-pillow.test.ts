import { describe, expect, it } from 'vitest';
import { createPixels } from './pixels.ts';
import { resizePillowBicubic } from './resize-pillow.ts';

const picture = createPixels(
  13,
  11,
  3,
  Uint8Array.from({ length: 13 * 11 * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % 13, Math.floor(i / 39), i % 3];
    return (37 * x + 91 * y + 53 * c) % 256;
  }),
);

describe('resizePillowBicubic', () => {
  // Pillow 12, Image.resize(size, BICUBIC).
  it.each([
    [5, 4, 7748, [96, 126, 132, 133, 154, 134, 120, 124, 140, 107, 120, 133]],
    [20, 7, 54257, [32, 83, 143, 47, 103, 166, 76, 135, 179, 105, 159, 123]],
  ])('gives Pillow’s bytes at %i x %i', (width, height, sum, first) => {
    const { data } = resizePillowBicubic(picture, { width, height });
    expect([...data.subarray(0, 12)]).toEqual(first);
    expect([...data].reduce((total, value) => total + value)).toBe(sum);
  });

  it('keeps a picture of the size itself', () => {
    expect([...resizePillowBicubic(picture, picture).data]).toEqual([...picture.data]);
  });
});
