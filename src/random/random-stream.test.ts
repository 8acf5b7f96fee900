import { describe, expect, test } from 'vitest';
import { RandomStream } from './random-stream.ts';

const GOLDEN_WORDS = [0x510c1f9d, 0x0f95ec1f, 0x32c04189, 0x52224824, 0xc03269f6, 0x698ee370];
// biome-ignore format: one line
const GOLDEN_NORMALS = [-0.4772523045539856, -1.5474168062210083, -0.8479026556015015, -0.465363472700119, 0.6769124865531921, -0.22153857350349426];
const GOLDEN_UNIFORM = 0.447822034978262;

describe('RandomStream', () => {
  // Golden values: a Philox4x32-10 written in Python, and statistics.NormalDist().inv_cdf for the normals.
  test('draws the golden words and normals of seed 2024, key (3, 141, 59)', () => {
    const words = new RandomStream(2024, [3, 141, 59]);
    expect(Array.from({ length: 6 }, () => words.word())).toEqual(GOLDEN_WORDS);
    const normals = new RandomStream(2024n, [3, 141, 59]).fillNormal(new Float32Array(6));
    expect([...normals]).toEqual(GOLDEN_NORMALS);
  });

  test('takes all 64 bits of a seed', () => {
    expect(new RandomStream(2n ** 64n - 1n).uniform()).toBe(GOLDEN_UNIFORM);
    expect(new RandomStream(5).word()).not.toBe(new RandomStream(5n + 2n ** 40n).word());
  });

  test('goes on from any position, in the middle of a block too', () => {
    const whole = new RandomStream(7, [1]).fillNormal(new Float32Array(23));
    for (let position = 0; position <= 11; position++) {
      const rest = new RandomStream(7, [1], position).fillNormal(new Float32Array(12));
      expect(rest).toEqual(whole.slice(position, position + 12));
    }
  });

  test('counts what it draws', () => {
    const stream = new RandomStream(7);
    stream.uniform();
    stream.fillNormal(new Float32Array(5));
    expect(stream.position).toBe(7);
  });

  test('gives different numbers under every key', () => {
    const firsts = [[], [1], [0, 1], [0, 0, 1], [2 ** 32 - 1]].map((key) => new RandomStream(7, key).word());
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test('ends after 2^34 words rather than repeating itself', () => {
    const stream = new RandomStream(7, [], 2 ** 34 - 1);
    stream.word();
    expect(() => stream.word()).toThrow('2^34 words are used up');
  });

  test.each([
    [-1, [], 0],
    [2 ** 53, [], 0],
    [1.5, [], 0],
    [2n ** 64n, [], 0],
    [1, [1, 2, 3, 4], 0],
    [1, [-1], 0],
    [1, [2 ** 32], 0],
    [1, [], -1],
    [1, [], 2 ** 34 + 1],
  ])('rejects seed %s, key %j, position %d', (seed, key, position) => {
    expect(() => new RandomStream(seed, key, position)).toThrow(RangeError);
  });
});

describe('distributions', () => {
  const COUNT = 1_000_000;

  test('normals have the moments and tail shares of N(0, 1)', () => {
    const values = new RandomStream(11).fillNormal(new Float32Array(COUNT));
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / COUNT;
    // Five standard errors: sqrt(var(z^k) / n), where var(z^k) is 1, 2, 15, 96 for k = 1..4.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / COUNT));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / COUNT));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / COUNT));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / COUNT));
    const share = values.filter((value) => Math.abs(value) > 3).length / COUNT;
    expect(Math.abs(share - 0.0026998)).toBeLessThan(5 * Math.sqrt(0.0027 / COUNT));
  });

  test('neighbouring normals and streams are not correlated', () => {
    const a = new RandomStream(11, [0]).fillNormal(new Float32Array(COUNT));
    const b = new RandomStream(11, [1]).fillNormal(new Float32Array(COUNT));
    const limit = 5 / Math.sqrt(COUNT);
    for (const lag of [1, 2, 3, 4]) {
      let sum = 0;
      for (let i = lag; i < COUNT; i++) sum += a[i]! * a[i - lag]!;
      expect(Math.abs(sum / COUNT)).toBeLessThan(limit);
    }
    expect(Math.abs(a.reduce((sum, value, i) => sum + value * b[i]!, 0) / COUNT)).toBeLessThan(limit);
  });

  test('uniforms fill [0, 1) evenly', () => {
    const stream = new RandomStream(12);
    const bins = new Array<number>(64).fill(0);
    for (let i = 0; i < COUNT; i++) bins[Math.floor(stream.uniform() * 64)]!++;
    // Chi-square with 63 degrees of freedom exceeds 120 with probability 2e-5.
    expect(chiSquare(bins, COUNT / 64)).toBeLessThan(120);
    const value = new RandomStream(1).uniformBetween(-3, 5);
    expect(value).toBe(-3 + 8 * new RandomStream(1).uniform());
  });

  test('integers are equally likely', () => {
    const stream = new RandomStream(13);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[stream.integer(10)]!++;
    // Chi-square with 9 degrees of freedom exceeds 38 with probability 2e-5.
    expect(chiSquare(counts, 10_000)).toBeLessThan(38);
    // A count above 2^31 would show a bias of modulo without rejection: a third of all words fold onto
    // the lowest third of the range.
    const large = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (stream.integer(large) < 2 ** 30) low++;
    expect(Math.abs(low / 30_000 - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / 30_000));
    expect(stream.integer(1)).toBe(0);
    for (const count of [0, 2 ** 32 + 1, 1.5]) expect(() => stream.integer(count)).toThrow(RangeError);
  });

  function chiSquare(counts: readonly number[], expected: number): number {
    return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  }
});
