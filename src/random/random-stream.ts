/** Reproducible random numbers: independent streams under one seed, the same on every machine and engine. */

import { inverseNormal } from './inverse-normal.ts';
import { philox4x32 } from './philox.ts';

const WORD = 2 ** 32;
const WORDS_PER_BLOCK = 4;
/** A stream ends here: its blocks are counted by one 32-bit word. */
const STREAM_LENGTH = WORD * WORDS_PER_BLOCK;
const KEY_NUMBERS = 3;

/**
 * One stream of random numbers. Seed and key name the stream; streams that differ in either never overlap.
 * `position` counts the 32-bit words drawn so far: a new stream with the same seed, key and position goes on
 * exactly where this one stands, and any position can be reached without drawing what lies before it.
 */
export class RandomStream {
  readonly #keyLow: number;
  readonly #keyHigh: number;
  readonly #counter: readonly [number, number, number];
  readonly #block = new Uint32Array(WORDS_PER_BLOCK);
  #blockIndex = -1;
  #position: number;

  /**
   * @param seed an integer in 0..2^53-1, or a bigint in 0..2^64-1
   * @param key up to three integers in 0..2^32-1, such as an iteration, an image and a purpose;
   *   numbers left out are zero, so `[7]` and `[7, 0]` name the same stream
   * @param position 32-bit words already drawn, 0..2^34
   * @throws {RangeError} if an argument lies outside its range
   */
  constructor(seed: number | bigint, key: readonly number[] = [], position = 0) {
    const bits = seedBits(seed);
    this.#keyLow = Number(bits & 0xffffffffn);
    this.#keyHigh = Number(bits >> 32n);
    if (key.length > KEY_NUMBERS || !key.every((number) => isIntegerBelow(number, WORD)))
      throw new RangeError(
        `Cannot make a random stream of key [${key.join(', ')}]: a key is up to three integers in 0..2^32-1`,
      );
    this.#counter = [key[0] ?? 0, key[1] ?? 0, key[2] ?? 0];
    if (!isIntegerBelow(position, STREAM_LENGTH + 1))
      throw new RangeError(
        `Cannot start a random stream at ${position}: a position is an integer in 0..2^34`,
      );
    this.#position = position;
  }

  /** How many 32-bit words have been drawn. */
  get position(): number {
    return this.#position;
  }

  /**
   * The next 32 random bits, as an integer in 0..2^32-1.
   * @throws {RangeError} after 2^34 words
   */
  word(): number {
    const position = this.#position;
    if (position >= STREAM_LENGTH)
      throw new RangeError(
        'Cannot draw from the random stream: its 2^34 words are used up; take another key',
      );
    const index = Math.floor(position / WORDS_PER_BLOCK);
    if (index !== this.#blockIndex) {
      const [c1, c2, c3] = this.#counter;
      philox4x32(this.#block, index, c1, c2, c3, this.#keyLow, this.#keyHigh);
      this.#blockIndex = index;
    }
    this.#position = position + 1;
    return this.#block[position % WORDS_PER_BLOCK]!;
  }

  /** A number in [0, 1), a multiple of 2^-53; draws two words. */
  uniform(): number {
    const upper = this.word() >>> 5;
    const lower = this.word() >>> 6;
    return (upper * 2 ** 26 + lower) * 2 ** -53;
  }

  /** A number in [low, high), by rounding possibly `high` itself; draws two words. */
  uniformBetween(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /**
   * An integer in 0..count-1, each equally likely; draws one word, seldom more.
   * @param count 1..2^32
   * @throws {RangeError} if `count` lies outside
   */
  integer(count: number): number {
    if (!Number.isInteger(count) || count < 1 || count > WORD)
      throw new RangeError(`Cannot draw an integer below ${count}: the count must be an integer in 1..2^32`);
    // Words from the last, incomplete run of `count` are drawn again: they would favour small integers.
    const limit = WORD - (WORD % count);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % count;
  }

  /**
   * Fills `out` with standard normal numbers, rounded to float32; draws one word each.
   * A word w stands for the quantile of (w + 1/2)/2^32, so magnitudes stay below 6.4.
   * @returns `out`
   */
  fillNormal(out: Float32Array): Float32Array {
    for (let i = 0; i < out.length; i++) out[i] = inverseNormal((this.word() + 0.5) / WORD);
    return out;
  }
}

function isIntegerBelow(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

function seedBits(seed: number | bigint): bigint {
  const valid =
    typeof seed === 'bigint' ? seed >= 0n && seed < 1n << 64n : Number.isSafeInteger(seed) && seed >= 0;
  if (!valid)
    throw new RangeError(
      `Cannot seed a random stream with ${seed}: a seed is an integer in 0..2^53-1, or a bigint in 0..2^64-1`,
    );
  return BigInt(seed);
}
