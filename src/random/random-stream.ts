/** Random numbers by seed and stream, equal on every platform: only operations that IEEE 754 fixes are used. */
import { philox } from './philox.ts';

/** Numbers drawn one after another; `position` says how many words were used, and can be set to continue there. */
export interface RandomStream {
  position: number;
  /** A random 32-bit word. */
  word(): number;
  /** Uniform in [from, to). */
  uniform(from?: number, to?: number): number;
  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number;
  /** Standard normal. */
  normal(): number;
}

/**
 * @param seed a whole number from 0 to 2^53 − 1
 * @param stream tells independent uses of one seed apart, such as the step of a sampler
 * @throws {RangeError} for another seed
 */
export function randomStream(seed: number, stream = 0): RandomStream {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`Cannot use the seed ${seed}: a whole number from 0 to 2^53 − 1 is needed`);
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  const words = new Uint32Array(4);
  let block = -1;
  const self: RandomStream = {
    position: 0,
    word() {
      const wanted = Math.floor(self.position / 4);
      if (wanted !== block) {
        block = wanted;
        philox(
          [block >>> 0, Math.floor(block / 2 ** 32), stream >>> 0, Math.floor(stream / 2 ** 32)],
          key,
          words,
        );
      }
      return words[self.position++ % 4]!;
    },
    uniform: (from = 0, to = 1) => from + (to - from) * (self.word() / 2 ** 32),
    integer: (from, to) => from + Math.floor((self.word() / 2 ** 32) * (to - from + 1)),
    normal: () => normalQuantile((self.word() + 0.5) / 2 ** 32),
  };
  return self;
}

/** `count` standard normal numbers of one stream of a seed. */
export function normalNoise(seed: number, stream: number, count: number): Float32Array {
  const random = randomStream(seed, stream);
  const noise = new Float32Array(count);
  for (let i = 0; i < count; i++) noise[i] = random.normal();
  return noise;
}

/** Horner's rule, the constant coefficient first. */
function polynomial(x: number, coefficients: readonly number[]): number {
  let value = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) value = value * x + coefficients[i]!;
  return value;
}

/** Coefficients of PPND16: numerator and denominator for the centre, the shoulders and the tails. */
const centre = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
] as const;
const shoulder = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
] as const;
const tail = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
  ],
] as const;

/**
 * The normal quantile function Φ⁻¹(p), 0 < p < 1, to about 16 digits.
 * @see Wichura 1988, algorithm AS 241 (PPND16)
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(r, centre[0])) / polynomial(r, centre[1]);
  }
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const [numerator, denominator] = r <= 5 ? shoulder : tail;
  const x = r <= 5 ? r - 1.6 : r - 5;
  const value = polynomial(x, numerator) / polynomial(x, denominator);
  return q < 0 ? -value : value;
}

/** ln x for 0 < x < 1, by halving and the series of artanh: Math.log may differ in the last digit between engines. */
function logarithm(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent -= 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 25; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * s * sum + exponent * Math.LN2;
}
