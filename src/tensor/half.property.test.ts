import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';

const formats = [
  {
    name: 'float16',
    widen: float16ToFloat32,
    narrow: float32ToFloat16,
    step: 2 ** -11,
    largest: 65504,
    least: 2 ** -14,
  },
  {
    name: 'bfloat16',
    widen: bfloat16ToFloat32,
    narrow: float32ToBfloat16,
    step: 2 ** -8,
    largest: (2 - 2 ** -7) * 2 ** 127,
    least: 2 ** -126,
  },
];
/** Any bit pattern of a float32 but NaN's. */
const float32 = fc.float({ noNaN: true });

describe.each(formats)('$name', ({ widen, narrow, step, largest, least }) => {
  const rounded = (value: number): number => widen(narrow(Float32Array.of(value)))[0]!;

  it('rounds by half a unit in the last place at most', () => {
    fc.assert(
      fc.property(float32, (value) => {
        if (Math.abs(value) > largest) return;
        expect(Math.abs(rounded(value) - value)).toBeLessThanOrEqual(step * Math.max(Math.abs(value), least));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('keeps the order, the sign and what was rounded already', () => {
    fc.assert(
      fc.property(float32, float32, (a, b) => {
        const [x, y] = [rounded(a), rounded(b)];
        if (a <= b) expect(x).toBeLessThanOrEqual(y);
        expect(rounded(-a)).toBe(-x);
        expect(Object.is(rounded(x), x)).toBe(true);
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  it('is nearer than either neighbour', () => {
    fc.assert(
      fc.property(float32, (value) => {
        const bits = narrow(Float32Array.of(value));
        const [found] = widen(bits);
        if (!Number.isFinite(found!)) return;
        for (const neighbour of [bits[0]! - 1, bits[0]! + 1]) {
          const [other] = widen(Uint16Array.of(neighbour));
          if (Number.isFinite(other) && Math.sign(other!) === Math.sign(found!))
            expect(Math.abs(found! - value)).toBeLessThanOrEqual(Math.abs(other! - value));
        }
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('treats values of a list each for itself', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 40 }), (values) => {
        const all = narrow(values);
        values.forEach((value, i) => {
          expect(all[i]).toBe(narrow(Float32Array.of(value))[0]);
        });
      }),
      { seed: 4, numRuns: 200 },
    );
  });
});
