import { describe, expect, it } from 'vitest';
import { createPixels } from '../image/pixels.ts';
import { colorHistograms, histogramDistance, toHsv } from './color-histogram.ts';

const of = (...pixels: number[][]) => createPixels(pixels.length, 1, 3, Uint8Array.from(pixels.flat()));

describe('colour histograms', () => {
  it.each([
    [
      [255, 0, 0],
      [0, 255, 255],
    ],
    [
      [0, 255, 0],
      [60, 255, 255],
    ],
    [
      [0, 0, 255],
      [120, 255, 255],
    ],
    [
      [255, 0, 1],
      [0, 255, 255],
    ], // rounds to 180, which is 0 only below it: −0.1 rounds to 0
    [
      [10, 20, 30],
      [105, 170, 30],
    ],
    [
      [77, 77, 77],
      [0, 0, 77],
    ],
  ])('hue, saturation and value of %j are %j', ([r, g, b], expected) => {
    expect([...toHsv(r!, g!, b!)]).toEqual(expected);
  });

  it('add up to one, whatever the kind', () => {
    const picture = of([0, 0, 0], [255, 255, 255], [255, 0, 0], [31, 32, 64]);
    for (const kind of ['rgb3d8', 'rgb256', 'hsv2d'] as const)
      for (const histogram of colorHistograms(picture, kind))
        expect(histogram.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    const [joint] = colorHistograms(picture, 'rgb3d8');
    expect([joint![0], joint![511], joint![448], joint![0 * 64 + 1 * 8 + 2]]).toEqual([
      0.25, 0.25, 0.25, 0.25,
    ]);
  });

  it('are as far apart as the definitions say', () => {
    const half = colorHistograms(of([0, 0, 0], [255, 255, 255]), 'rgb3d8');
    const dark = colorHistograms(of([0, 0, 0], [0, 0, 0]), 'rgb3d8');
    const between = (name: Parameters<typeof histogramDistance>[2]) => histogramDistance(half, dark, name);
    expect(between('hellinger')).toBeCloseTo(Math.sqrt(1 - Math.SQRT1_2), 12);
    expect([between('l1'), between('intersection')]).toEqual([1, 0.5]);
    expect(between('l2')).toBeCloseTo(Math.SQRT1_2, 12);
    expect(between('chi2')).toBeCloseTo(1, 12); // 0.25/0.5 twice
    expect(histogramDistance(half, half, 'hellinger')).toBe(0);
    expect(histogramDistance(half, half, 'correlation')).toBeCloseTo(1, 12);
  });
});
