import { describe, expect, it } from 'vitest';
import type { Point } from '../image/geometry.ts';
import { convexHull } from './convex-hull.ts';
import { outlineMask } from './face-mask.ts';

const size = 128;
/** A jaw as half an ellipse, and brows above the eyes. */
const outline: Point[] = [
  ...Array.from({ length: 17 }, (_, i): Point => {
    const angle = Math.PI * (1 - i / 16);
    return [64 + 33 * Math.cos(angle), 62 + 46 * Math.sin(angle)];
  }),
  ...Array.from({ length: 10 }, (_, i): Point => [36 + 6 * i, 52]),
];

describe('outlineMask', () => {
  it.each([
    ['of landmarks', outline],
    ['of no landmarks', undefined],
  ])('%s is whole in the face, nothing at the edge, and soft between', (_, points) => {
    const { data } = outlineMask(points, size);
    const at = (x: number, y: number): number => data[y * size + x]!;
    for (const [x, y] of [
      [48, 60],
      [80, 60],
      [64, 78],
      [64, 92],
    ] as const)
      expect(at(x, y), `${x}, ${y}`).toBeGreaterThan(0.98);
    for (let i = 0; i < size; i++)
      for (const edge of [at(i, 0), at(0, i), at(i, size - 1), at(size - 1, i)]) expect(edge).toBe(0);
    for (let i = 1; i < data.length; i++)
      if (i % size !== 0) expect(Math.abs(data[i]! - data[i - 1]!)).toBeLessThan(0.2);
  });

  it('reaches over the forehead', () => {
    expect(outlineMask(outline, size).data[40 * size + 64]).toBeGreaterThan(0.9);
  });
});

it('convexHull keeps the corners in order', () => {
  const square: Point[] = [
    [0, 0],
    [4, 0],
    [2, 2],
    [4, 4],
    [0, 4],
    [2, 0],
  ];
  expect(convexHull(square)).toEqual([
    [0, 0],
    [4, 0],
    [4, 4],
    [0, 4],
  ]);
});
