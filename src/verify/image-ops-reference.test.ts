import { describe, expect, test } from 'vitest';
import { parseLabelMap } from './image-ops-reference.ts';

describe('parseLabelMap', () => {
  test('draws what the words say', () => {
    const words = 'ellipse centre (3,4) radii (2,1) is class 5; class 7 above row 2 outside it; else 9';
    const labels = parseLabelMap(words, 6, 6);
    const row = (y: number) => [...labels.slice(y * 6, y * 6 + 6)];
    expect(row(1)).toEqual([7, 7, 7, 7, 7, 7]);
    expect(row(2)).toEqual([9, 9, 9, 9, 9, 9]);
    expect(row(3)).toEqual([9, 9, 9, 5, 9, 9]);
    expect(row(4)).toEqual([9, 5, 5, 5, 5, 5]);
  });

  test('rejects other words', () => {
    expect(() => parseLabelMap('a circle', 2, 2)).toThrow('a circle');
  });
});
