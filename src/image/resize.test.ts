import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { createPixels, toFloatPixels } from './pixels.ts';
import { resizePixels, resizeTensor } from './resize.ts';
import type { ResizeMethod } from './resize-taps.ts';

const METHODS: readonly ResizeMethod[] = ['nearest', 'bilinear', 'area', 'bicubic', 'lanczos'];

function image(width: number, height: number) {
  const data = new RandomStream(1).fillNormal(new Float32Array(width * height * 3));
  return createPixels(
    width,
    height,
    3,
    data.map((value) => 128 + 30 * value),
  );
}

/** A line of pixels resized; the same along both axes. */
function resizeLine(values: readonly number[], to: number, method: ResizeMethod): number[] {
  const row = resizePixels(
    createPixels(values.length, 1, 1, Float32Array.from(values)),
    { width: to, height: 1 },
    method,
  );
  const column = resizePixels(
    createPixels(1, values.length, 1, Float32Array.from(values)),
    { width: 1, height: to },
    method,
  );
  expect(column.data).toEqual(row.data);
  return [...row.data];
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 4);
  });
}

describe('resizePixels', () => {
  test('nearest takes the input at floor(i·in/out)', () => {
    expect(resizeLine([0, 1, 2, 3, 4], 3, 'nearest')).toEqual([0, 1, 3]);
    expect(resizeLine([0, 1, 2], 7, 'nearest')).toEqual([0, 0, 0, 1, 1, 2, 2]);
  });

  test('bilinear interpolates between pixel centres and repeats the edge', () => {
    expectClose(resizeLine([0, 4, 8], 6, 'bilinear'), [0, 1, 3, 5, 7, 8]);
    // Centres at 2.5·(i + 1/2) - 1/2 = 0.75 and 3.25: two taps, no average over the pixels between.
    expectClose(resizeLine([0, 100, 0, 0, 100], 2, 'bilinear'), [75, 25]);
  });

  test('area averages by exact cover', () => {
    expectClose(resizeLine([1, 3, 5, 7], 2, 'area'), [2, 6]);
    expectClose(resizeLine([0, 3, 9], 2, 'area'), [(0 + 0.5 * 3) / 1.5, (0.5 * 3 + 9) / 1.5]);
    expect(() => resizeLine([1, 2], 3, 'area')).toThrow('it only shrinks');
  });

  test('area keeps the mean of an image for any sizes', () => {
    const source = image(37, 23);
    const small = resizePixels(source, { width: 11, height: 7 }, 'area');
    const mean = (data: ArrayLike<number>) => Array.from(data).reduce((sum, v) => sum + v, 0) / data.length;
    expect(mean(small.data)).toBeCloseTo(mean(source.data), 3);
  });

  test('bicubic weighs four pixels by the cubic kernel of a = -0.75', () => {
    // Doubling: fractions 3/4 and 1/4, whose weights are -0.03515625, 0.26171875, 0.87890625, -0.10546875.
    const [far, near, nearest, other] = [-0.03515625, 0.26171875, 0.87890625, -0.10546875];
    expectClose(resizeLine([0, 0, 1, 0, 0], 10, 'bicubic').slice(1, 9), [
      far,
      other,
      near,
      nearest,
      nearest,
      near,
      other,
      far,
    ]);
  });

  test('lanczos enlarges with three lobes and averages when it shrinks', () => {
    const lanczos = (x: number) =>
      (3 * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / 3)) / (Math.PI * x) ** 2;
    const distances = [2.75, 1.75, 0.75, -0.25, -1.25, -2.25];
    const total = distances.reduce((sum, x) => sum + lanczos(x), 0);
    const line = resizeLine([0, 0, 0, 0, 1, 0, 0, 0, 0], 18, 'lanczos');
    expect(line[8]).toBeCloseTo(lanczos(-0.25) / total, 6);
    const checkers = Array.from({ length: 40 }, (_, i) => (i % 2) * 100);
    for (const value of resizeLine(checkers, 10, 'lanczos').slice(2, 8))
      expect(Math.abs(value - 50)).toBeLessThan(2);
  });

  test.each(METHODS)('%s keeps a flat image flat, and an image of the same size as it is', (method) => {
    const flat = createPixels(9, 5, 3, new Float32Array(135).fill(77));
    for (const value of resizePixels(flat, { width: 4, height: 3 }, method).data)
      expect(value).toBeCloseTo(77, 4);
    const source = image(9, 5);
    const same = resizePixels(source, { width: 9, height: 5 }, method);
    source.data.forEach((value, i) => {
      expect(same.data[i]).toBeCloseTo(value, 4);
    });
  });

  test('keeps bytes bytes, rounded half to even and clamped', () => {
    const bytes = createPixels(4, 1, 1, Uint8Array.of(0, 1, 2, 3));
    expect([...resizePixels(bytes, { width: 2, height: 1 }, 'area').data]).toEqual([0, 2]);
    const edge = createPixels(4, 1, 1, Uint8Array.of(0, 0, 255, 255));
    const overshoot = resizePixels(edge, { width: 8, height: 1 }, 'bicubic').data;
    expect(overshoot).toBeInstanceOf(Uint8Array);
    expect(overshoot[1]).toBe(0);
    expect(overshoot[6]).toBe(255);
  });

  test('bilinear on bytes cuts intermediate results as OpenCV does', () => {
    const bytes = createPixels(2, 1, 1, Uint8Array.of(10, 12));
    // 10.5 and 11.5; each row weight's product is cut: 2048·10.5·2048 keeps ⌊4·10.5⌋ = 42, and (42 + 2) >> 2 = 11.
    expect([...resizePixels(bytes, { width: 4, height: 1 }, 'bilinear').data]).toEqual([10, 11, 12, 12]);
    // Between rows the cuts show: 0.75·10 and 0.25·11 keep 30 and 11 quarters, (41 + 2) >> 2 = 10.
    const column = createPixels(1, 2, 1, Uint8Array.of(10, 11));
    expect([...resizePixels(column, { width: 1, height: 4 }, 'bilinear').data]).toEqual([10, 10, 11, 11]);
    const wide = createPixels(64, 64, 3, Uint8Array.from(image(64, 64).data));
    const exact = resizePixels(toFloatPixels(wide), { width: 91, height: 50 }, 'bilinear');
    const cut = resizePixels(wide, { width: 91, height: 50 }, 'bilinear');
    cut.data.forEach((value, i) => {
      expect(Math.abs(value - exact.data[i]!)).toBeLessThan(1);
    });
  });

  test('rejects sizes that are not positive integers', () => {
    for (const width of [0, -1, 1.5, Number.NaN])
      expect(() => resizePixels(image(4, 4), { width, height: 2 }, 'bilinear')).toThrow(RangeError);
  });
});

describe('resizeTensor', () => {
  test('resizes each plane as the same plane of an image', () => {
    const planes = [0, 1, 2, 3].map((key) => new RandomStream(2, [key]).fillNormal(new Float32Array(7 * 5)));
    const tensor = hostTensor([2, 2, 5, 7]);
    planes.forEach((plane, i) => {
      tensor.data.set(plane, i * 35);
    });
    const resized = resizeTensor(tensor, { width: 4, height: 9 }, 'bicubic');
    expect(resized.shape).toEqual([2, 2, 9, 4]);
    planes.forEach((plane, i) => {
      const alone = resizePixels(createPixels(7, 5, 1, plane), { width: 4, height: 9 }, 'bicubic');
      expect(resized.data.slice(i * 36, (i + 1) * 36)).toEqual(alone.data);
    });
  });

  test('rejects a tensor without H and W', () => {
    expect(() => resizeTensor(hostTensor([4]), { width: 2, height: 2 }, 'nearest')).toThrow('[4]');
  });
});
