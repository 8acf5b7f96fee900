import { describe, expect, it } from 'vitest';
import { frechetDistance } from './frechet.ts';
import { sampleFrechetDistance, statisticsOf } from './frechet-samples.ts';

const sample = (count: number, size: number, seed: number): Float32Array[] =>
  Array.from({ length: count }, (_, n) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 3.7 * n + 1.3 * i * n + i) + 0.1 * seed),
  );

describe('the distance of sets of vectors', () => {
  it.each([
    ['few', 5, 7],
    ['few and fewer', 9, 3],
    ['many', 40, 50],
    ['few and many', 5, 30],
  ])('is the Fréchet distance of their statistics: %s', (_, countA, countB) => {
    const [a, b] = [sample(countA, 20, 1), sample(countB, 20, 2)];
    const expected = frechetDistance(statisticsOf(a), statisticsOf(b));
    // Roots of rounding: √ε of the largest eigenvalue.
    expect(Math.abs(sampleFrechetDistance(a, b) - expected)).toBeLessThan(1e-5 * Math.max(1, expected));
  });

  it('is nothing between a set and itself', () => {
    const a = sample(6, 20, 3);
    expect(Math.abs(sampleFrechetDistance(a, a))).toBeLessThan(1e-6);
  });

  it('needs two vectors, and vectors of one length', () => {
    expect(() => sampleFrechetDistance(sample(1, 4, 1), sample(3, 4, 1))).toThrow('sets of 1 and 3');
    expect(() => sampleFrechetDistance(sample(2, 4, 1), sample(2, 5, 1))).toThrow('all of one length');
  });
});
