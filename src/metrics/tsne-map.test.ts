import { expect, it } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { tsneMap } from './tsne-map.ts';

/** Three clouds in ten dimensions, far apart. */
const clouds = Array.from({ length: 60 }, (_, i) => {
  const point = new RandomStream(1, [i]).fillNormal(new Float32Array(10));
  point[i % 3]! += 20;
  return point;
});

it('keeps clouds together and apart, the same at every call', () => {
  const map = tsneMap(clouds, { perplexity: 10 });
  const at = (i: number) => [map[2 * i]!, map[2 * i + 1]!] as const;
  const distance = (i: number, j: number) => Math.hypot(at(i)[0] - at(j)[0], at(i)[1] - at(j)[1]);
  const nearest = clouds.map((_, i) => {
    const others = clouds.map((_, j) => j).filter((j) => j !== i);
    return others.reduce((best, j) => (distance(i, j) < distance(i, best) ? j : best));
  });
  expect(nearest.every((j, i) => j % 3 === i % 3)).toBe(true);
  expect(tsneMap(clouds, { perplexity: 10 })).toEqual(map);
  expect(tsneMap(clouds, { perplexity: 10, seed: 1 })).not.toEqual(map);
});

it('refuses fewer points than a map has', () => {
  expect(() => tsneMap(clouds.slice(0, 3))).toThrow(/four are the fewest/);
});
