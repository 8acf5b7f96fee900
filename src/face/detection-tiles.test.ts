import { describe, expect, it } from 'vitest';
import { planDetectionTiles } from './detection-tiles.ts';

const options = { step: 32, least: 128, mostArea: 1e6, overlap: 128, finestScale: 1, coarsestSide: 72 };
const sizes = [
  [4000, 3000],
  [1025, 1024],
  [100, 3000],
  [6000, 100],
  [512, 512],
  [60, 40],
] as const;

describe('planDetectionTiles', () => {
  it.each(sizes)('covers every level of %d x %d with overlapping tiles', (width, height) => {
    const levels = planDetectionTiles({ width, height }, options);
    expect(levels.at(-1)).toMatchObject({ width, height });
    for (const level of levels)
      for (const [axis, side] of [
        ['x', 'width'],
        ['y', 'height'],
      ] as const) {
        const starts = [...new Set(level.places.map((place) => place[axis]))];
        expect(starts[0]).toBe(0);
        expect(starts.at(-1)! + level.tile[side]).toBeGreaterThanOrEqual(level[side]);
        for (let i = 1; i < starts.length; i++)
          expect(starts[i]! - starts[i - 1]!).toBeLessThanOrEqual(level.tile[side] - 128);
      }
  });

  it.each(sizes)(
    'makes tiles for %d x %d that the network takes, hardly larger than what they show',
    (...size) => {
      for (const { tile, places, ...level } of planDetectionTiles(
        { width: size[0], height: size[1] },
        options,
      ))
        for (const side of ['width', 'height'] as const) {
          expect(tile[side] % 32).toBe(0);
          expect(tile[side]).toBeGreaterThanOrEqual(128);
          expect(tile.width * tile.height).toBeLessThanOrEqual(1e6);
          if (places.length === 1) expect(tile[side]).toBeLessThan(Math.max(level[side], 97) + 32);
        }
    },
  );

  it.each(sizes)('looks at few pixels of %d x %d twice', (width, height) => {
    const { tile, places } = planDetectionTiles({ width, height }, options).at(-1)!;
    const looked = places.length * tile.width * tile.height;
    // Of a square as large as a tile may be, the overlap with two neighbours; and sides that are multiples of 32.
    const overlap = places.length === 1 ? 1 : (1000 / (1000 - 128)) ** 2;
    const rounded = (side: number) => (Math.max(side, 128) + 32) / side;
    expect(looked / (width * height)).toBeLessThan(overlap * rounded(width) * rounded(height));
  });

  it('goes from a photo of 72 pixels up to the finest scale, by two at most and by less where it costs little', () => {
    const levels = planDetectionTiles({ width: 4000, height: 3000 }, options);
    expect(levels[0]!.width).toBeGreaterThanOrEqual(72);
    expect(levels[0]!.width).toBeLessThan(72 * Math.SQRT2);
    for (let i = 1; i < levels.length; i++) {
      const ratio = levels[i]!.width / levels[i - 1]!.width;
      expect(ratio).toBeLessThan(levels[i]!.width > 512 ? 2.02 : 1.46);
    }
  });

  it('shows a photo that is smaller than that as it is, at the finest scale only', () => {
    const levels = planDetectionTiles({ width: 60, height: 40 }, options);
    expect(levels.map(({ width, height }) => [width, height])).toEqual([[60, 40]]);
  });
});
