import { describe, expect, it } from 'vitest';
import type { AffineMatrix } from './geometry.ts';
import { createPixels } from './pixels.ts';
import { warpAffine } from './warp-affine.ts';
import { affineScale, composeAffine, shrinkByBlocks, warpAntialiased } from './warp-antialiased.ts';

const stripes = createPixels(
  64,
  64,
  1,
  Uint8Array.from({ length: 64 * 64 }, (_, i) => (i % 2 === 0 ? 0 : 200)),
);
const region = { x: 0, y: 0, width: 16, height: 16 };

describe('warpAntialiased', () => {
  it('is warpAffine unless the image becomes half as large or smaller', () => {
    const matrix: AffineMatrix = [0.6, 0.1, 3, -0.1, 0.6, 2];
    expect(warpAntialiased(stripes, matrix, region, [9])).toEqual(warpAffine(stripes, matrix, region, [9]));
  });

  it('averages what plain sampling would skip', () => {
    const quarter: AffineMatrix = [0.25, 0, -0.375, 0, 0.25, -0.375];
    expect(new Set(warpAntialiased(stripes, quarter, region, [9]).data)).toEqual(new Set([100]));
  });

  it('keeps places: a ramp stays the same ramp, whatever the scale and turn', () => {
    const size = 200;
    const ramp = createPixels(
      size,
      size,
      1,
      Float32Array.from({ length: size * size }, (_, i) => (i % size) + 0.5 * Math.floor(i / size)),
    );
    for (const scale of [0.6, 0.45, 0.3, 0.21]) {
      const [c, s] = [scale * Math.cos(0.3), scale * Math.sin(0.3)];
      const matrix: AffineMatrix = [c, -s, 8 - 100 * c + 100 * s, s, c, 8 - 100 * s - 100 * c];
      const { data } = warpAntialiased(ramp, matrix, region, [0]);
      // The result's centre (8, 8) is the source's (100, 100). Coordinates are cut to 1/32 pixel of a block.
      expect(Math.abs(data[8 * 16 + 8]! - 150), `scale ${scale}`).toBeLessThan(0.4);
    }
  });

  it('gives the border where the result lies outside', () => {
    const away: AffineMatrix = [0.25, 0, 500, 0, 0.25, 500];
    expect(new Set(warpAntialiased(stripes, away, region, [9]).data)).toEqual(new Set([9]));
  });
});

it('shrinkByBlocks averages also the blocks that the end cuts off', () => {
  const image = createPixels(3, 1, 1, Uint8Array.from([10, 20, 60]));
  expect([...shrinkByBlocks(image, { x: 0, y: 0, width: 3, height: 1 }, 2).data]).toEqual([15, 60]);
});

it('composes transforms', () => {
  const scale: AffineMatrix = [2, 0, 1, 0, 2, -1];
  const turn: AffineMatrix = [0, -1, 5, 1, 0, 3];
  expect(composeAffine(turn, scale)).toEqual([0, -2, 6, 2, 0, 4]);
  expect(affineScale(composeAffine(turn, scale))).toBeCloseTo(2);
});
