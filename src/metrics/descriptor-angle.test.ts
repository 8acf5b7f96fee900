import { expect, it } from 'vitest';
import { descriptorAngle } from './descriptor-angle.ts';

const vector = (...values: number[]): Float32Array => Float32Array.from(values);

it('is the angle between two descriptors, whatever their lengths', () => {
  expect(descriptorAngle(vector(1, 0), vector(0, 3))).toBeCloseTo(90, 12);
  expect(descriptorAngle(vector(2, 0), vector(1, 1))).toBeCloseTo(45, 12);
  expect(descriptorAngle(vector(1, 0), vector(-1, Math.sqrt(3)))).toBeCloseTo(120, 5); // √3 in float32
});

it('is 0 for equal descriptors, also where rounding takes the cosine above 1', () => {
  for (let i = 1; i < 50; i++) {
    const a = vector(i / 7, i / 3, 1 / i);
    // The angle is about the root of twice the rounding error of the cosine, 2e-16.
    expect(descriptorAngle(a, a)).toBeLessThan(2e-6);
  }
});

it('knows descriptors of zeros', () => {
  expect(descriptorAngle(vector(0, 0), vector(0, 0))).toBe(0);
  expect(descriptorAngle(vector(0, 0), vector(1, 0))).toBe(90);
});

it('refuses descriptors of different networks', () => {
  expect(() => descriptorAngle(vector(1), vector(1, 2))).toThrow(RangeError);
});
