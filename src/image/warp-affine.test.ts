import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { type AffineMatrix, applyAffine, invertAffine } from './geometry.ts';
import { createPixels, type Pixels } from './pixels.ts';
import { warpAffine } from './warp-affine.ts';

const noise = new RandomStream(8).fillNormal(new Float32Array(20 * 15 * 3)).map((value) => 128 + 40 * value);
const FLOATS = createPixels(20, 15, 3, noise);
const BYTES = createPixels(20, 15, 3, Uint8Array.from(noise));
const BORDER = [132, 133, 135];
const TURN: AffineMatrix = [1.4, -0.5, 3.2, 0.5, 1.4, -4.7];

/** Bilinear interpolation without steps; outside is the border. */
function sample({ width, height, data }: Pixels, x: number, y: number, channel: number): number {
  const at = (i: number, j: number) =>
    i < 0 || j < 0 || i >= width || j >= height ? BORDER[channel]! : data[(j * width + i) * 3 + channel]!;
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [p, q] = [x - i, y - j];
  return (
    (at(i, j) * (1 - p) + at(i + 1, j) * p) * (1 - q) + (at(i, j + 1) * (1 - p) + at(i + 1, j + 1) * p) * q
  );
}

describe('warpAffine', () => {
  test('shifts by whole pixels exactly, over the constant border', () => {
    const shifted = warpAffine(BYTES, [1, 0, 2, 0, 1, -1], { x: 0, y: 0, width: 20, height: 15 }, BORDER);
    expect([...shifted.data.slice(0, 6)]).toEqual([...BORDER, ...BORDER]);
    expect([...shifted.data.slice(6, 60)]).toEqual([...BYTES.data.slice(60, 114)]);
    expect([...shifted.data.slice(-3)]).toEqual(BORDER);
  });

  test('interpolates between pixels to 1/32 of a pixel', () => {
    const region = { x: 0, y: 0, width: 30, height: 30 };
    const warped = warpAffine(FLOATS, TURN, region, BORDER);
    const inverse = invertAffine(TURN);
    let largest = 0;
    for (let i = 0; i < 900; i++) {
      const [x, y] = applyAffine(inverse, [i % 30, Math.floor(i / 30)]);
      // The same point to the nearest step of 1/32.
      const [sx, sy] = [Math.round(x * 32) / 32, Math.round(y * 32) / 32];
      for (let channel = 0; channel < 3; channel++)
        largest = Math.max(
          largest,
          Math.abs(warped.data[i * 3 + channel]! - sample(FLOATS, sx, sy, channel)),
        );
    }
    // A coordinate that lies between two steps to 1/1024 may go to either: 1/32 of a difference of values.
    expect(largest).toBeLessThan(300 / 32);
    const exact = warpAffine(FLOATS, [1, 0, 0.25, 0, 1, -0.5], region, BORDER);
    expect(exact.data[(4 * 30 + 6) * 3]).toBeCloseTo(sample(FLOATS, 5.75, 4.5, 0), 4);
  });

  test('gives a part of the whole result, value for value', () => {
    const whole = warpAffine(BYTES, TURN, { x: 0, y: 0, width: 30, height: 30 }, BORDER);
    const part = warpAffine(BYTES, TURN, { x: 7, y: 11, width: 5, height: 4 }, BORDER);
    for (let y = 0; y < 4; y++) {
      const start = ((y + 11) * 30 + 7) * 3;
      expect(part.data.slice(y * 15, (y + 1) * 15)).toEqual(whole.data.slice(start, start + 15));
    }
  });

  test('rounds bytes half up', () => {
    const pair = createPixels(2, 1, 1, Uint8Array.of(10, 11));
    expect(warpAffine(pair, [1, 0, -0.5, 0, 1, 0], { x: 0, y: 0, width: 1, height: 1 }, [0]).data[0]).toBe(
      11,
    );
  });

  test('rejects a border that does not fit, and an empty region', () => {
    expect(() => warpAffine(BYTES, TURN, { x: 0, y: 0, width: 1, height: 1 }, [0])).toThrow('1 values');
    expect(() => warpAffine(BYTES, TURN, { x: 0, y: 0, width: 0, height: 1 }, BORDER)).toThrow(RangeError);
  });
});
