import { describe, expect, it } from 'vitest';
import { hasPaint, paintOfMask, paintOpacity, paintWhite, whitePaint } from './paint.ts';
import { createPixels } from './pixels.ts';

const rgb = (...pixels: number[][]) => createPixels(pixels.length, 1, 3, Uint8Array.from(pixels.flat()));

describe('paint', () => {
  it('is what is exactly white, and opaque', () => {
    const picture = rgb([255, 255, 255], [255, 255, 254], [0, 0, 0], [255, 255, 255]);
    const paint = whitePaint(picture);
    expect([...paint.data]).toEqual([255, 0, 0, 255]);
    expect(hasPaint(paint)).toBe(true);
    const alpha = createPixels(4, 1, 1, Uint8Array.of(0, 255, 255, 255));
    expect([...whitePaint(picture, alpha).data]).toEqual([0, 0, 0, 255]);
    expect(hasPaint(whitePaint(rgb([254, 255, 255])))).toBe(false);
  });

  it('is the light and opaque half of a mask', () => {
    const alpha = createPixels(2, 1, 1, Uint8Array.of(127, 128));
    expect([...paintOfMask(rgb([255, 255, 255], [255, 255, 255]), alpha).data]).toEqual([0, 255]);
    expect([...paintOfMask(rgb([127, 127, 127], [128, 128, 128], [255, 255, 255])).data]).toEqual([
      0, 255, 255,
    ]);
  });

  it('is laid on hard, and leaves the picture itself alone', () => {
    const picture = rgb([1, 2, 3], [4, 5, 6]);
    const painted = paintWhite(picture, createPixels(2, 1, 1, Uint8Array.of(0, 1)));
    expect([...painted.data]).toEqual([1, 2, 3, 255, 255, 255]);
    expect([...picture.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('takes over all under it, less and less around it, nothing far from it', () => {
    const size = 128;
    const mask = new Uint8Array(size * size);
    for (let y = 40; y < 60; y++) mask.fill(255, y * size + 40, y * size + 60);
    const { data } = paintOpacity(createPixels(size, size, 1, mask));
    for (let i = 0; i < mask.length; i++) if (mask[i]) expect(data[i]).toBe(1);
    // The edge is two pixels of growth and two of fading.
    const row = Array.from(data.subarray(50 * size + 60, 50 * size + 66));
    for (const [i, value] of row.entries()) if (i > 0) expect(value).toBeLessThanOrEqual(row[i - 1]!);
    expect(row[0]).toBeGreaterThan(0.9);
    expect(row[2]).toBeGreaterThan(0);
    expect(row[2]).toBeLessThan(0.6);
    expect(row[4]).toBe(0);
  });
});
