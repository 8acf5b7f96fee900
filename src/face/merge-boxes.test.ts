import { expect, it } from 'vitest';
import { mergeBoxes } from './merge-boxes.ts';

const box = (x: number, y: number, size: number, score: number) => ({
  box: { x, y, width: size, height: size },
  score,
});

it('keeps the best of boxes of one face, best first', () => {
  const [a, b, c] = [box(0, 0, 100, 0.5), box(5, 5, 100, 0.9), box(200, 0, 50, 0.7)];
  expect(mergeBoxes([a, b, c])).toEqual([b, c]);
});

it('takes a box inside another for the same face, and neighbours that touch for two', () => {
  expect(mergeBoxes([box(0, 0, 100, 0.9), box(20, 20, 50, 0.8)])).toHaveLength(1);
  // Heads side by side share a fifth of their boxes at most.
  expect(mergeBoxes([box(0, 0, 100, 0.9), box(80, 0, 100, 0.8)])).toHaveLength(2);
});
