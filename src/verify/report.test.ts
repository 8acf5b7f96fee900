import { describe, expect, test } from 'vitest';
import { verifyRow } from './report.ts';

describe('verifyRow', () => {
  test.each([
    ['relative error', 1e-3, true],
    ['relative error', 1.1e-3, false],
    ['absolute error', 0, true],
    ['relative error', Number.NaN, false],
    ['relative error', Number.POSITIVE_INFINITY, false],
  ] as const)('takes an %s of %d as passed: %s', (kind, measured, passed) => {
    expect(verifyRow('x', measured, 1e-3, kind)).toEqual({ name: 'x', measured, limit: 1e-3, kind, passed });
  });

  test.each([
    [40, true],
    [39.9, false],
    [Number.POSITIVE_INFINITY, true],
    [Number.NaN, false],
  ])('takes %d dB of 40 as passed: %s', (measured, passed) => {
    expect(verifyRow('x', measured, 40, 'PSNR dB').passed).toBe(passed);
  });
});
