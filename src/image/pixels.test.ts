import { describe, expect, test } from 'vitest';
import { createPixels, isBytePixels, toBytePixels, toBytes, toFloatPixels } from './pixels.ts';

describe('createPixels', () => {
  test('rejects sides that are not positive integers, and data of another length', () => {
    expect(() => createPixels(0, 1, 3, new Uint8Array(0))).toThrow('0 x 1');
    expect(() => createPixels(1.5, 2, 1, new Uint8Array(3))).toThrow(RangeError);
    expect(() => createPixels(2, 2, 3, new Uint8Array(11))).toThrow('it has 12 values, the data 11');
  });
});

describe('bytes and floats', () => {
  test('rounds half to even and clamps', () => {
    expect([...toBytes([0.5, 1.5, 2.5, 254.5, -3, 300, Number.NaN])]).toEqual([0, 2, 2, 254, 0, 255, 0]);
  });

  test('converts there and back, and leaves what is right already', () => {
    const bytes = createPixels(2, 1, 3, Uint8Array.of(0, 1, 2, 253, 254, 255));
    const floats = toFloatPixels(bytes);
    expect(isBytePixels(bytes)).toBe(true);
    expect(isBytePixels(floats)).toBe(false);
    expect(toBytePixels(floats)).toEqual(bytes);
    expect(toFloatPixels(floats)).toBe(floats);
    expect(toBytePixels(bytes)).toBe(bytes);
  });
});
