import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { featureStatistics, statisticsOf } from './feature-statistics.ts';
import { frechetDistance } from './frechet.ts';

const normals = (key: number, count: number, size: number) =>
  hostTensor([count, size], new RandomStream(3, [key]).fillNormal(new Float32Array(count * size)));

describe('frechetDistance', () => {
  test('of distributions with diagonal covariance is that of each direction', () => {
    const diagonal = (...variances: number[]) =>
      Float64Array.from({ length: 9 }, (_, i) => (i % 4 === 0 ? variances[i / 4]! : 0));
    const a = { mean: Float64Array.of(0, 1, 2), covariance: diagonal(4, 9, 0) };
    const b = { mean: Float64Array.of(1, 1, 0), covariance: diagonal(1, 25, 16) };
    // (0-1)² + (2-0)² + (2-1)² + (3-5)² + (0-4)²
    expect(frechetDistance(a, b)).toBeCloseTo(1 + 4 + 1 + 4 + 16, 12);
  });

  test('is symmetric, and zero between equal sets, also with fewer vectors than directions', () => {
    for (const count of [40, 6]) {
      const a = featureStatistics(normals(1, count, 12));
      const b = featureStatistics(normals(2, count, 12));
      expect(frechetDistance(a, b)).toBeGreaterThan(0.5);
      // A null direction's eigenvalue, zero to rounding, counts by its root: 1e-16 by 1e-8.
      expect(Math.abs(frechetDistance(a, b) - frechetDistance(b, a))).toBeLessThan(1e-6);
      expect(Math.abs(frechetDistance(a, a))).toBeLessThan(1e-6);
    }
  });

  test('is that of the root of a matrix whose root is known', () => {
    // C1 = R², C2 = S² with commuting R = Q diag(1, 2) Qᵀ, S = Q diag(3, 5) Qᵀ: tr(C1 C2)^½ = 1·3 + 2·5.
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    const turned = (p: number, q: number) =>
      Float64Array.of(c * c * p + s * s * q, c * s * (p - q), c * s * (p - q), s * s * p + c * c * q);
    const a = { mean: new Float64Array(2), covariance: turned(1, 4) };
    const b = { mean: new Float64Array(2), covariance: turned(9, 25) };
    expect(frechetDistance(a, b)).toBeCloseTo(1 + 4 + 9 + 25 - 2 * 13, 12);
  });

  test('rejects features of different sizes', () => {
    const [a, b] = [featureStatistics(normals(0, 5, 3)), featureStatistics(normals(0, 5, 4))];
    expect(() => frechetDistance(a, b)).toThrow('3 values');
  });

  // Few and many are told by 20 directions; 260 are two blocks of a triangle.
  test.each([
    ['few', 5, 7, 20],
    ['few and fewer', 9, 3, 20],
    ['as many as directions', 20, 60, 20],
    ['few and many', 30, 5, 20],
    ['many', 280, 300, 260],
  ])('is the same from factors as from covariances: %s', (_, countA, countB, size) => {
    const [a, b] = [normals(3, countA, size), normals(4, countB, size)];
    const expected = frechetDistance(featureStatistics(a), featureStatistics(b));
    const rows = ({ data, shape: [count = 0] }: typeof a) =>
      Array.from({ length: count }, (_, n) => data.subarray(n * size, (n + 1) * size));
    const [few, many] = [statisticsOf(rows(a)), statisticsOf(rows(b))];
    // Roots of rounding: √ε of the largest eigenvalue.
    for (const distance of [frechetDistance(few, many), frechetDistance(many, few)])
      expect(Math.abs(distance - expected)).toBeLessThan(1e-5 * Math.max(1, expected));
    expect(Math.abs(frechetDistance(few, few))).toBeLessThan(1e-5);
  });
});
