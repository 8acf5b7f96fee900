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

/** Pixels of both squares, of the smaller one, and of their union, counted one by one. */
function shares(a: ReturnType<typeof box>['box'], b: typeof a) {
  const inside = ({ x, y, width, height }: typeof a, u: number, v: number) =>
    u >= x && u < x + width && v >= y && v < y + height;
  let [both, either] = [0, 0];
  for (let v = -100; v < 300; v++)
    for (let u = -100; u < 300; u++) {
      const [inA, inB] = [inside(a, u, v), inside(b, u, v)];
      if (inA && inB) both++;
      if (inA || inB) either++;
    }
  return { ofUnion: both / either, ofSmaller: both / Math.min(a.width * a.height, b.width * b.height) };
}

it('takes two boxes for one face from 35 % of their union on', () => {
  // Equal squares share more of each as they share of their union, but never three quarters here.
  for (let shift = 20; shift < 80; shift++) {
    const [a, b] = [box(0, 0, 100, 0.9), box(shift, 7, 100, 0.8)];
    const { ofUnion, ofSmaller } = shares(a.box, b.box);
    if (ofSmaller > 0.74 || Math.abs(ofUnion - 0.35) < 0.003) continue;
    expect(mergeBoxes([a, b]), `${ofUnion}`).toHaveLength(ofUnion > 0.35 ? 1 : 2);
  }
});

it('takes a small box for part of a large one from three quarters of it on', () => {
  for (let shift = 0; shift <= 40; shift++) {
    const [a, b] = [box(0, 0, 100, 0.9), box(60 + shift, 30, 40, 0.8)];
    const { ofUnion, ofSmaller } = shares(a.box, b.box);
    expect(ofUnion).toBeLessThan(0.3);
    if (Math.abs(ofSmaller - 0.75) < 0.01) continue;
    expect(mergeBoxes([a, b]), `${ofSmaller}`).toHaveLength(ofSmaller > 0.75 ? 1 : 2);
  }
});
