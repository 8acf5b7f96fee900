import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { symmetricEigenvalues } from './symmetric-eigenvalues.ts';

const sorted = (values: Float64Array) => [...values].sort((a, b) => a - b);

describe('symmetricEigenvalues', () => {
  test('of the second-difference matrix are 2 - 2 cos(kπ/(n + 1))', () => {
    const n = 50;
    const matrix = Float64Array.from({ length: n * n }, (_, i) => {
      const distance = Math.abs((i % n) - Math.floor(i / n));
      return distance === 0 ? 2 : distance === 1 ? -1 : 0;
    });
    sorted(symmetricEigenvalues(matrix, n)).forEach((value, k) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos((Math.PI * (k + 1)) / (n + 1)), 13);
    });
  });

  test('of a reflected diagonal matrix are its diagonal, repeated and zero ones included', () => {
    const spectrum = [-7, -1, 0, 0, 0, 3, 3, 3, 3, 1e-9, 250];
    const n = spectrum.length;
    const v = new RandomStream(9).fillNormal(new Float32Array(n));
    const squares = v.reduce((sum, x) => sum + x * x, 0);
    const q = (i: number, j: number) => (i === j ? 1 : 0) - (2 * v[i]! * v[j]!) / squares;
    const matrix = Float64Array.from({ length: n * n }, (_, at) =>
      spectrum.reduce((sum, value, k) => sum + value * q(Math.floor(at / n), k) * q(at % n, k), 0),
    );
    const expected = [...spectrum].sort((a, b) => a - b);
    sorted(symmetricEigenvalues(matrix, n)).forEach((value, k) => {
      expect(Math.abs(value - expected[k]!)).toBeLessThan(250 * 1e-14);
    });
  });

  test('settles among hundreds of zeros', () => {
    // Four outer products in 400 directions: the eigenvalues are those of the 4 x 4 products of the vectors.
    const [n, rank] = [400, 4];
    const vectors = new RandomStream(4).fillNormal(new Float32Array(rank * n));
    const product = (size: number, at: (i: number, j: number) => number) =>
      Float64Array.from({ length: size * size }, (_, i) => at(Math.floor(i / size), i % size));
    const sum = (count: number, term: (k: number) => number) =>
      Array.from({ length: count }, (_, k) => term(k)).reduce((a, b) => a + b, 0);
    const outer = product(n, (i, j) => sum(rank, (k) => vectors[k * n + i]! * vectors[k * n + j]!));
    const inner = product(rank, (i, j) => sum(n, (k) => vectors[i * n + k]! * vectors[j * n + k]!));
    const found = sorted(symmetricEigenvalues(outer, n));
    const expected = sorted(symmetricEigenvalues(inner, rank));
    found.slice(0, n - rank).forEach((value) => {
      expect(Math.abs(value)).toBeLessThan(1e-10);
    });
    found.slice(n - rank).forEach((value, k) => {
      expect(Math.abs(value / expected[k]! - 1)).toBeLessThan(1e-12);
    });
  });

  test('settles where squares of what rounding left would underflow', () => {
    const n = 6;
    const noise = new RandomStream(5).fillNormal(new Float32Array(n * n));
    const matrix = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return i === 0 && j === 0
        ? 2
        : i === 0 || j === 0
          ? 0
          : 3e-162 * noise[Math.min(i, j) * n + Math.max(i, j)]!;
    });
    expect(sorted(symmetricEigenvalues(matrix, n)).map((value) => Math.round(value * 1e14) / 1e14)).toEqual(
      [0, 0, 0, 0, 0, 2].map((value) => expect.closeTo(value, 14)),
    );
  });

  test('of diagonal and empty matrices', () => {
    expect(sorted(symmetricEigenvalues(Float64Array.of(5, 0, 0, -2), 2))).toEqual([-2, 5]);
    expect([...symmetricEigenvalues(Float64Array.of(4), 1)]).toEqual([4]);
    expect([...symmetricEigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
  });

  test('fails on values that are not finite', () => {
    expect(() => symmetricEigenvalues(Float64Array.of(1, Number.NaN, Number.NaN, 1), 2)).toThrow(
      'is it finite?',
    );
  });
});
