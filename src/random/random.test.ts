import { expect, test } from 'vitest';
import { philox } from './philox.ts';
import { normalNoise, normalQuantile, randomStream } from './random-stream.ts';

// Known answers published with the generator's authors' library (Random123, kat_vectors).
test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
])('philox gives the published words for counter %j', (counter, key, expected) => {
  const words = new Uint32Array(4);
  philox(counter, key, words);
  expect([...words]).toEqual(expected);
});

test('the normal quantile has the values of AS 241', () => {
  expect(normalQuantile(0.25)).toBeCloseTo(-0.6744897501960817, 14);
  expect(normalQuantile(0.001)).toBeCloseTo(-3.0902323061678132, 13);
  expect(normalQuantile(1e-20)).toBeCloseTo(-9.262340089798409, 12);
});

test('noise has the moments of a standard normal', () => {
  const noise = normalNoise(7, 0, 200_000);
  const mean = noise.reduce((sum, x) => sum + x, 0) / noise.length;
  const variance = noise.reduce((sum, x) => sum + (x - mean) ** 2, 0) / noise.length;
  expect(Math.abs(mean)).toBeLessThan(0.01); // four standard errors
  expect(Math.abs(variance - 1)).toBeLessThan(0.015);
});

test('streams of one seed differ, and a position can be resumed', () => {
  expect(normalNoise(3, 0, 8)).not.toEqual(normalNoise(3, 1, 8));
  const stream = randomStream(3, 5);
  for (let i = 0; i < 13; i++) stream.word();
  const resumed = randomStream(3, 5);
  resumed.position = stream.position;
  expect(resumed.word()).toBe(stream.word());
});

test('a seed that is not a natural number is refused', () => {
  expect(() => randomStream(-1)).toThrow(RangeError);
  expect(() => randomStream(0.5)).toThrow(RangeError);
});
