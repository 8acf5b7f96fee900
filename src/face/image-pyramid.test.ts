import { describe, expect, it } from 'vitest';
import type { Pixels } from '../image/pixels.ts';
import { ImagePyramid } from './image-pyramid.ts';

/** A smooth picture: each channel rises along x and y by its own amounts. */
function slope(width: number, height: number, kind: typeof Uint8Array | typeof Float32Array): Pixels {
  const data = new kind(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = slopeAt(x + 0.5, y + 0.5, c, width, height);
  return { width, height, channels: 3, data };
}
const slopeAt = (x: number, y: number, c: number, width: number, height: number): number =>
  (90 * (x / width) * (c + 1)) / 2 + (80 * y) / height + 10 * c;

// Means of bytes are rounded: half a step of 255 at each of three halvings.
const byteTolerance = 1.5 / 127.5;

describe('an image pyramid', () => {
  it.each([
    ['enlarged', { width: 130, height: 86 }],
    ['as it is', { width: 101, height: 67 }],
    ['a little smaller', { width: 80, height: 53 }],
    ['half as large', { width: 50, height: 33 }],
    ['a tenth as large', { width: 10, height: 7 }],
  ] as const)('reads the photo %s', (_, size) => {
    for (const kind of [Uint8Array, Float32Array]) {
      const photo = slope(101, 67, kind);
      const region = { x: 0, y: 0, ...size };
      const { shape, data } = new ImagePyramid(photo).read(size, region);
      expect(shape).toEqual([1, 3, size.height, size.width]);
      const area = size.width * size.height;
      let largest = 0;
      // Along the border there is nothing to rise to.
      for (let y = 1; y < size.height - 1; y++)
        for (let x = 1; x < size.width - 1; x++)
          for (let c = 0; c < 3; c++) {
            const [px, py] = [((x + 0.5) * 101) / size.width, ((y + 0.5) * 67) / size.height];
            const expected = slopeAt(px, py, c, 101, 67) / 127.5 - 1;
            largest = Math.max(largest, Math.abs(data[c * area + y * size.width + x]! - expected));
          }
      expect(largest).toBeLessThan(kind === Uint8Array ? byteTolerance : 1e-5);
    }
  });

  it('reads a part, and black beyond the photo', () => {
    const pyramid = new ImagePyramid(slope(64, 48, Float32Array));
    const size = { width: 32, height: 24 };
    const whole = pyramid.read(size, { x: 0, y: 0, ...size }).data;
    const part = pyramid.read(size, { x: 20, y: 10, width: 16, height: 20 }).data;
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 20; y++)
        for (let x = 0; x < 16; x++)
          expect(part[(c * 20 + y) * 16 + x]).toBe(
            x < 12 && y < 14 ? whole[(c * 24 + y + 10) * 32 + x + 20] : -1,
          );
  });

  it('repeats gray, leaves alpha out, and takes photos of one row', () => {
    const region = { x: 0, y: 0, width: 2, height: 1 };
    const gray = { width: 8, height: 1, channels: 1, data: new Uint8Array(8).fill(255) } as const;
    expect([...new ImagePyramid(gray).read(region, region).data]).toEqual([1, 1, 1, 1, 1, 1]);
    const data = Uint8Array.from({ length: 32 }, (_, i) => [255, 0, 255, 9][i % 4]!);
    const clear = { width: 8, height: 1, channels: 4, data } as const;
    expect([...new ImagePyramid(clear).read(region, region).data]).toEqual([1, 1, -1, -1, 1, 1]);
  });
});
