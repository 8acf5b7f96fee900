/** The Philox4x32-10 counter-based generator: 128 random bits as a pure function of a counter and a key. */

const ROUNDS = 10;
const MULTIPLIER_A = 0xd2511f53;
const MULTIPLIER_B = 0xcd9e8d57;
const WEYL_A = 0x9e3779b9;
const WEYL_B = 0xbb67ae85;

/**
 * Writes the four 32-bit words that belong to the counter (c0, c1, c2, c3) under the key (k0, k1).
 * The arguments are taken as 32-bit words, so signed and unsigned forms of the same bits are the same.
 * @param out receives words 0..3
 * @see Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  let x0 = c0 | 0;
  let x1 = c1 | 0;
  let x2 = c2 | 0;
  let x3 = c3 | 0;
  let keyA = k0 | 0;
  let keyB = k1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const upperA = upperProduct(x0, MULTIPLIER_A);
    const lowerA = Math.imul(x0, MULTIPLIER_A);
    const upperB = upperProduct(x2, MULTIPLIER_B);
    const lowerB = Math.imul(x2, MULTIPLIER_B);
    x0 = upperB ^ x1 ^ keyA;
    x2 = upperA ^ x3 ^ keyB;
    x1 = lowerB;
    x3 = lowerA;
    keyA = (keyA + WEYL_A) | 0;
    keyB = (keyB + WEYL_B) | 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** The upper 32 bits of the unsigned 64-bit product, put together from products of 16-bit halves. */
function upperProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16);
  const cross = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}
