import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { FeatureGatherer, featureStatistics, statisticsOf } from './feature-statistics.ts';

/** Vectors far from zero, as features are. */
const sample = (count: number, size: number, key: number): Float32Array[] => {
  const stream = new RandomStream(3, [key]);
  return Array.from({ length: count }, () => stream.fillNormal(new Float32Array(size)).map((x) => x + 50));
};

const flat = (vectors: readonly Float32Array[]): Float32Array =>
  Float32Array.from(vectors.flatMap((vector) => [...vector]));

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

  test('need two vectors', () => {
    expect(() => featureStatistics(hostTensor([1, 4]))).toThrow('[1, 4]');
  });
});

describe('vectors that come one after another', () => {
  // Over a chunk of products, over two, and so few that they are kept.
  test.each([300, 600, 5])('have the covariance of all at once: %i', (count) => {
    const [vectors, size] = [sample(count, 6, 1), 6];
    const gatherer = new FeatureGatherer();
    for (const vector of vectors) gatherer.add(vector);
    expect(gatherer.count).toBe(count);
    const { mean, covariance } = gatherer.covariance();
    for (let i = 0; i < size; i++) {
      expect(mean[i]).toBeCloseTo(
        vectors.reduce((sum, vector) => sum + vector[i]! / count, 0),
        11,
      );
      for (let j = 0; j < size; j++) {
        const products = vectors.map((vector) => (vector[i]! - mean[i]!) * (vector[j]! - mean[j]!));
        const expected = products.reduce((sum, product) => sum + product, 0) / (count - 1);
        expect(Math.abs(covariance[i * size + j]! - expected)).toBeLessThan(1e-12);
      }
    }
  });

  test('go on after a look at them', () => {
    const vectors = sample(40, 6, 2);
    const gatherer = new FeatureGatherer();
    for (const vector of vectors.slice(0, 20)) gatherer.add(vector);
    gatherer.statistics();
    for (const vector of vectors.slice(20)) gatherer.add(vector);
    const [later, atOnce] = [gatherer.covariance(), featureStatistics(hostTensor([40, 6], flat(vectors)))];
    later.covariance.forEach((value, i) => {
      expect(value).toBeCloseTo(atOnce.covariance[i]!, 12);
    });
  });

  test('of fewer vectors than numbers are a factor of the covariance', () => {
    const vectors = sample(4, 9, 3);
    const statistics = statisticsOf(vectors);
    if (!('factor' in statistics)) throw new Error('expected a factor');
    const { factor } = statistics;
    expect(factor).toHaveLength(4 * 9);
    const gatherer = new FeatureGatherer();
    for (const vector of vectors) gatherer.add(vector);
    gatherer.covariance().covariance.forEach((value, at) => {
      const [i, j] = [Math.floor(at / 9), at % 9];
      const product = [0, 1, 2, 3].reduce((sum, n) => sum + factor[n * 9 + i]! * factor[n * 9 + j]!, 0);
      expect(value).toBeCloseTo(product, 12);
    });
  });

  test('must be of one length, and two at least', () => {
    const gatherer = new FeatureGatherer();
    gatherer.add(new Float32Array(4));
    expect(() => gatherer.statistics()).toThrow('1 feature vectors');
    expect(() => gatherer.add(new Float32Array(5))).toThrow('4 and 5 numbers');
  });
});
