import { describe, expect, it } from 'vitest';
import { planDetectionTiles } from './detection-tiles.ts';

const options = { tile: 512, overlap: 128, finestScale: 1 };

describe('planDetectionTiles', () => {
  it.each([
    [4000, 3000],
    [513, 512],
    [100, 3000],
  ])('covers every level of %d x %d with overlapping tiles', (width, height) => {
    const levels = planDetectionTiles({ width, height }, options);
    expect(levels.at(-1)?.scale).toBe(1);
    for (const level of levels)
      for (const [axis, length] of [
        ['x', level.width],
        ['y', level.height],
      ] as const) {
        const starts = [...new Set(level.tiles.map((tile) => tile[axis]))];
        expect(starts[0]).toBe(0);
        expect(starts.at(-1)! + 512).toBeGreaterThanOrEqual(length);
        for (let i = 1; i < starts.length; i++) expect(starts[i]! - starts[i - 1]!).toBeLessThanOrEqual(384);
      }
  });

  it('shows the whole photo in one tile first, and goes up by two at most', () => {
    const levels = planDetectionTiles({ width: 4000, height: 3000 }, options);
    expect(levels.filter(({ tiles }) => tiles.length === 1)).toHaveLength(3);
    for (let i = 1; i < levels.length; i++)
      expect(levels[i]!.scale / levels[i - 1]!.scale).toBeLessThanOrEqual(2);
  });

  it('does not enlarge beyond the finest scale', () => {
    for (const { scale } of planDetectionTiles({ width: 200, height: 100 }, options))
      expect(scale).toBeLessThanOrEqual(1);
  });
});
