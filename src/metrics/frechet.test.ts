import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { featureStatistics, frechetDistance } from './frechet.ts';

const normals = (key: number, count: number, size: number) =>
  hostTensor([count, size], new RandomStream(3, [key]).fillNormal(new Float32Array(count * size)));

describe('featureStatistics', () => {
  test('are the mean and the unbiased covariance', () => {
    const { mean, covariance } = featureStatistics(hostTensor([3, 2], Float32Array.of(1, 10, 2, 20, 6, 0)));
    expect([...mean]).toEqual([3, 10]);
    // Centred rows (-2, 0), (-1, 10), (3, -10) over N - 1 = 2.
    const expected = [7, -20, -20, 100];
    covariance.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12);
    });
  });

  test('do not depend on how the vectors are cut into chunks', () => {
    const features = normals(0, 300, 3);
    const { mean, covariance } = featureStatistics(features);
    let expected = 0;
    for (let n = 0; n < 300; n++)
      expected += ((features.data[n * 3]! - mean[0]!) * (features.data[n * 3 + 2]! - mean[2]!)) / 299;
    expect(covariance[2]).toBeCloseTo(expected, 12);
    expect(covariance[6]).toBeCloseTo(expected, 12);
  });

  test('need two vectors', () => {
    expect(() => featureStatistics(hostTensor([1, 4]))).toThrow('[1, 4]');
  });
});

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
});
