import { describe, expect, test } from 'vitest';
import { inverseNormal } from './inverse-normal.ts';

/** From Python's statistics.NormalDist().inv_cdf, the same algorithm over the C library's logarithm. */
// biome-ignore format: one pair per line
const QUANTILES = [
  [1e-300, -37.0470962993612],
  [1e-20, -9.262340089798405],
  [1e-10, -6.361340902404056],
  [2 ** -33, -6.337957754553789],
  [0.01, -2.3263478740408408],
  [0.07499, -1.4396021182393162],
  [0.0751, -1.4388253927525398],
  [0.3, -0.5244005127080407],
  [0.5, 0],
  [0.9, 1.2815515655446008],
  [0.99999, 4.26489079392384],
] as const;

describe('inverseNormal', () => {
  test.each(QUANTILES)('of %d', (p, expected) => {
    expect(Math.abs(inverseNormal(p) - expected)).toBeLessThanOrEqual(4e-16 * Math.abs(expected));
  });

  test('rises over all of (0, 1), across the borders of its three ranges', () => {
    const values = Array.from({ length: 99_999 }, (_, i) => inverseNormal((i + 1) / 100_000));
    expect(values.findIndex((value, i) => i > 0 && !(value > values[i - 1]!))).toBe(-1);
  });

  test.each([0, 1, -1, Number.NaN])('rejects %d', (p) => {
    expect(() => inverseNormal(p)).toThrow(RangeError);
  });
});
