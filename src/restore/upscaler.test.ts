import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tileSpans } from './upscaler.ts';

describe('tiles of an axis', () => {
  it('cover it once, and take nothing from within the margin of a cut', () => {
    const sizes = fc.record({
      length: fc.integer({ min: 1, max: 3000 }),
      tile: fc.integer({ min: 2, max: 64 }).map((quarter) => 4 * quarter),
      part: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(sizes, ({ length, tile, part }) => {
        const margin = Math.floor((part * tile) / 2.0001);
        const spans = tileSpans(length, tile, margin);
        let reached = 0;
        for (const { start, from, to } of spans) {
          expect(from).toBe(reached);
          expect(to).toBeGreaterThan(from);
          reached = to;
          // What is kept lies in the tile, and at least a margin from its inner edges.
          expect(from - start).toBeGreaterThanOrEqual(start === 0 ? 0 : margin);
          expect(start + tile - to).toBeGreaterThanOrEqual(to === length ? 0 : margin);
          expect(start).toBeGreaterThanOrEqual(0);
          if (length >= tile) expect(start + tile).toBeLessThanOrEqual(length);
        }
        expect(reached).toBe(length);
        // No tile more than are needed.
        const needed = length <= tile ? 1 : Math.ceil((length - 2 * margin) / (tile - 2 * margin));
        expect(spans).toHaveLength(needed);
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});
