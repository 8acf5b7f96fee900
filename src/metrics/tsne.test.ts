import { describe, expect, it } from 'vitest';
import { descend, mapError, neighbourProbabilities } from './tsne.ts';

/** Two clusters of six points in three dimensions. */
const points = Float32Array.from({ length: 36 }, (_, i) => {
  const [point, axis] = [Math.floor(i / 3), i % 3];
  return (point < 6 ? 0 : 8) + Math.sin(5 * point + 3 * axis);
});
const start = Float64Array.from({ length: 24 }, (_, i) => 0.01 * Math.cos(7 * i));

describe('t-SNE', () => {
  const probabilities = neighbourProbabilities(points, 12, 3);

  it('finds neighbours: symmetric, adding up to one, likelier in one cluster', () => {
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    for (let i = 0; i < 12; i++)
      for (let j = 0; j < 12; j++)
        expect(probabilities[i * 12 + j]).toBeCloseTo(probabilities[j * 12 + i]!, 15);
    const within = probabilities[0 * 12 + 1]!;
    expect(within).toBeGreaterThan(1e3 * probabilities[0 * 12 + 7]!);
  });

  it('has the gradient that central differences give', () => {
    const { gradient } = mapError(probabilities, start);
    for (const at of [0, 5, 23]) {
      const moved = (by: number) => mapError(probabilities, start.with(at, start[at]! + by)).divergence;
      expect(gradient[at]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 6);
    }
  });

  it('parts the clusters', () => {
    const map = descend(probabilities, start, { steps: 250, momentum: 0.5, learningRate: 10 });
    expect(mapError(probabilities, map).divergence).toBeLessThan(
      mapError(probabilities, start).divergence / 2,
    );
    const distance = (i: number, j: number) =>
      Math.hypot(map[2 * i]! - map[2 * j]!, map[2 * i + 1]! - map[2 * j + 1]!);
    for (let i = 0; i < 12; i++) {
      const others = Array.from({ length: 12 }, (_, j) => j).filter((j) => j !== i);
      const nearest = others.reduce((a, b) => (distance(i, a) < distance(i, b) ? a : b));
      expect(nearest < 6).toBe(i < 6);
    }
  });

  it('refuses a perplexity that the points cannot have', () => {
    expect(() => neighbourProbabilities(points, 12, 12)).toThrow('perplexity of 12 over 12 points');
  });
});
