import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';

const allPatterns = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The definition of binary16: sign, 5 exponent bits with bias 15, 10 mantissa bits. */
function valueOfFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + mantissa / 1024) * 2 ** (exponent - 15) : (mantissa / 1024) * 2 ** -14);
}

/** The definition of bfloat16: sign, 8 exponent bits with bias 127, 7 mantissa bits. */
function valueOfBfloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 7) & 255;
  const mantissa = bits & 127;
  if (exponent === 255) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + mantissa / 128) * 2 ** (exponent - 127) : (mantissa / 128) * 2 ** -126);
}

/** The float32 next to `value`, `steps` bit patterns further from zero. */
function stepFloat32(value: number, steps: number): number {
  const cell = Float32Array.of(value);
  const word = new Uint32Array(cell.buffer);
  word[0] = word[0]! + steps;
  return cell[0]!;
}

const formats = [
  {
    name: 'float16',
    widen: float16ToFloat32,
    narrow: float32ToFloat16,
    define: valueOfFloat16,
    infinity: 0x7c00,
    overflow: 65520,
  },
  {
    name: 'bfloat16',
    widen: bfloat16ToFloat32,
    narrow: float32ToBfloat16,
    define: valueOfBfloat16,
    infinity: 0x7f80,
    overflow: (2 - 2 ** -8) * 2 ** 127,
  },
];

describe.each(formats)('$name', ({ widen, narrow, define, infinity, overflow }) => {
  it('widens each of the 65,536 patterns to the value of its definition, sign of zero included', () => {
    const wide = widen(allPatterns);
    expect(allPatterns.filter((bits) => !Object.is(wide[bits], define(bits)))).toEqual(new Uint16Array(0));
  });

  it('narrows each widened pattern to itself; NaN to a NaN of the same sign', () => {
    const back = narrow(widen(allPatterns));
    const wrong = allPatterns.filter((bits) =>
      Number.isNaN(define(bits))
        ? !Number.isNaN(define(back[bits]!)) || (back[bits]! & 0x8000) !== (bits & 0x8000)
        : back[bits] !== bits,
    );
    expect(wrong).toEqual(new Uint16Array(0));
  });

  it('rounds to nearest, ties to even, between every two neighbours', () => {
    const wrong: number[] = [];
    for (const sign of [0, 0x8000])
      for (let low = 0; low < infinity - 1; low++) {
        const middle = (define(low | sign) + define((low + 1) | sign)) / 2;
        const even = low % 2 === 0 ? low : low + 1;
        const [below, tie, above] = narrow(
          Float32Array.of(stepFloat32(middle, -1), middle, stepFloat32(middle, 1)),
        );
        if (below !== (low | sign) || tie !== (even | sign) || above !== ((low + 1) | sign)) wrong.push(low);
      }
    expect(wrong).toEqual([]);
  });

  it('overflows to infinity from the tie on', () => {
    const values = [stepFloat32(overflow, -1), overflow, 3.4e38, Number.POSITIVE_INFINITY];
    expect([...narrow(Float32Array.from(values))]).toEqual([infinity - 1, infinity, infinity, infinity]);
    expect([...narrow(Float32Array.from(values, (value) => -value))]).toEqual(
      [infinity - 1, infinity, infinity, infinity].map((bits) => bits | 0x8000),
    );
  });

  it('keeps a NaN whose payload lies in the dropped bits', () => {
    const quiet = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    expect([...narrow(quiet)].map(define)).toEqual([Number.NaN, Number.NaN]);
  });

  it('reads and writes parts of a buffer', () => {
    const buffer = new ArrayBuffer(16);
    new Float32Array(buffer).set([9, 1, -2, 9]);
    const part = narrow(new Float32Array(buffer, 4, 2));
    expect([...widen(Uint16Array.of(0, ...part).subarray(1))]).toEqual([1, -2]);
  });
});
