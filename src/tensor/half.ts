/**
 * Half floats over typed arrays: IEEE 754 binary16 (float16) and bfloat16, as their 16-bit patterns, from
 * and to float32. Downwards rounds to nearest, ties to even; NaN stays NaN, overflow becomes infinity.
 */

const signMask16 = 0x8000;
const infinity16 = 0x7c00;
const absoluteMask32 = 0x7fffffff;
const infinity32 = 0x7f800000;

/** 65520, the tie between the largest half, 65504, and 65536: from here on halves are infinite. */
const overflow32 = 0x477ff000;
/** 2^-14, the smallest normal half. */
const smallestNormal32 = 0x38800000;
/** 2^-25, the tie between zero and the smallest half. */
const underflow32 = 0x33000000;

let float32BitsOfFloat16: Uint32Array | undefined;

/** The float32 bits of all 65,536 halves; made on first use. */
function float16Table(): Uint32Array {
  if (float32BitsOfFloat16) return float32BitsOfFloat16;
  const table = new Uint32Array(65536);
  for (let bits = 0; bits < signMask16; bits++) {
    const exponent = bits >>> 10;
    const mantissa = bits & 0x3ff;
    let wide: number;
    if (exponent === 31) wide = infinity32 | (mantissa << 13);
    else if (exponent > 0) wide = ((exponent + 112) << 23) | (mantissa << 13);
    else if (mantissa === 0) wide = 0;
    else {
      // A subnormal half, mantissa · 2^-24, is a normal float32: its leading one becomes the implicit one.
      const shift = Math.clz32(mantissa) - 21;
      wide = ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
    }
    table[bits] = wide;
    table[bits | signMask16] = wide | 0x80000000;
  }
  float32BitsOfFloat16 = table;
  return table;
}

/** The float32 values of float16 bit patterns; exact. */
export function float16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const table = float16Table();
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = table[bits[i]!]!;
  return new Float32Array(wide.buffer);
}

/** The float16 bit patterns nearest to `values`. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = wide[i]!;
    const absolute = word & absoluteMask32;
    let half: number;
    if (absolute > infinity32) half = 0x7e00 | ((absolute >>> 13) & 0x3ff);
    else if (absolute >= overflow32) half = infinity16;
    else if (absolute >= smallestNormal32)
      half = (absolute - 0x38000000 + 0xfff + ((absolute >>> 13) & 1)) >>> 13;
    else if (absolute <= underflow32) half = 0;
    else {
      const mantissa = (absolute & 0x7fffff) | 0x800000;
      const shift = 126 - (absolute >>> 23);
      half = (mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift;
    }
    bits[i] = ((word >>> 16) & signMask16) | half;
  }
  return bits;
}

/** The float32 values of bfloat16 bit patterns; exact. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
  return new Float32Array(wide.buffer);
}

/** The bfloat16 bit patterns nearest to `values`. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = wide[i]!;
    const notANumber = (word & absoluteMask32) > infinity32;
    bits[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
