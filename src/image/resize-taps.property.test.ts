import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AxisTaps, applyTaps, composeTaps } from './axis-taps.ts';
import { type ResizeMethod, resizeTaps } from './resize-taps.ts';

const extent = fc.integer({ min: 1, max: 300 });
const methods: ResizeMethod[] = ['nearest', 'bilinear', 'area', 'bicubic', 'lanczos'];
/** Two extents that the method can resize between. */
const extents = (method: ResizeMethod) =>
  fc.tuple(extent, extent).filter(([from, to]) => method !== 'area' || to <= from);

const weightsOf = ({ tapCount, weight }: AxisTaps, i: number) =>
  weight.subarray(i * tapCount, (i + 1) * tapCount);
const sourcesOf = ({ tapCount, source }: AxisTaps, i: number) =>
  source.subarray(i * tapCount, (i + 1) * tapCount);
const largestDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);

describe.each(methods)('%s taps', (method) => {
  it('take from inside the axis, and keep a flat one flat', () => {
    fc.assert(
      fc.property(extents(method), ([from, to]) => {
        const taps = resizeTaps(from, to, method);
        expect(taps.length).toBe(to);
        expect(taps.source.every((source) => source >= 0 && source < from)).toBe(true);
        const sums = Float64Array.from({ length: to }, (_, i) => sum(weightsOf(taps, i)));
        expect(sums.every((total) => Math.abs(total - 1) < 1e-10)).toBe(true);
      }),
      { seed: 1, numRuns: 80 },
    );
  });

  it('leave an axis of the same extent as it is', () => {
    fc.assert(
      fc.property(extent, (length) => {
        const values = Float32Array.from({ length }, (_, i) => Math.sin(3 * i));
        const same = applyTaps(values, resizeTaps(length, length, method), 1, length, 1);
        expect(largestDifference(same, values)).toBeLessThan(1e-6);
      }),
      { seed: 2, numRuns: 40 },
    );
  });

  // Nearest takes the pixel at floor(i·from/to), which leans to the left by definition.
  it.skipIf(method === 'nearest')('mirror with the axis', () => {
    fc.assert(
      fc.property(extents(method), ([from, to]) => {
        const values = Float32Array.from({ length: from }, (_, i) => Math.cos(i * i));
        const taps = resizeTaps(from, to, method);
        const there = applyTaps(values, taps, 1, from, 1);
        const back = applyTaps(values.toReversed(), taps, 1, from, 1).toReversed();
        expect(largestDifference(there, back)).toBeLessThan(1e-5);
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  // Half a pixel of the coarser axis; bilinear and bicubic look at four pixels, lanczos at three lobes.
  const reach: Record<ResizeMethod, number> = { nearest: 1, bilinear: 1, area: 1, bicubic: 2, lanczos: 3 };
  it('look at pixels around the centre of each output', () => {
    fc.assert(
      fc.property(extents(method), ([from, to]) => {
        const taps = resizeTaps(from, to, method);
        const step = Math.max(1, from / to);
        for (let i = 0; i < to; i++) {
          const centre = ((i + 0.5) * from) / to - 0.5;
          const weights = weightsOf(taps, i);
          const used = sourcesOf(taps, i).filter((_, k) => weights[k] !== 0);
          const furthest = used.reduce((most, source) => Math.max(most, Math.abs(source - centre)), 0);
          expect(furthest).toBeLessThanOrEqual(reach[method] * step);
        }
      }),
      { seed: 4, numRuns: 60 },
    );
  });
});

describe('composed taps', () => {
  it('do what both do one after the other', () => {
    const cases = fc.tuple(extent, extent, extent, fc.constantFrom(...methods), fc.constantFrom(...methods));
    fc.assert(
      fc.property(cases, ([from, between, to, first, second]) => {
        fc.pre((first !== 'area' || between <= from) && (second !== 'area' || to <= between));
        const [one, two] = [resizeTaps(from, between, first), resizeTaps(between, to, second)];
        const values = Float32Array.from({ length: from }, (_, i) => Math.sin(i * i));
        const twice = applyTaps(applyTaps(values, one, 1, from, 1), two, 1, between, 1);
        const once = applyTaps(values, composeTaps(one, two), 1, from, 1);
        // Between the two the values are rounded to float32.
        expect(largestDifference(once, twice)).toBeLessThan(1e-5);
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});
