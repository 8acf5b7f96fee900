/**
 * The inverse of the normal distribution function, from additions, multiplications, divisions and square
 * roots only: IEEE 754 fixes those to the last bit, so every JavaScript engine gives the same normals.
 */

// Wichura's coefficients, constant term first: numerator and denominator of each of the three ranges.
// biome-ignore format: one polynomial per line
const CENTRAL_NUMERATOR = [3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727] as const;
// biome-ignore format: one polynomial per line
const CENTRAL_DENOMINATOR = [1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061, 28729.085735721942674, 5226.495278852545925] as const;
// biome-ignore format: one polynomial per line
const MIDDLE_NUMERATOR = [1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504, 1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4] as const;
// biome-ignore format: one polynomial per line
const MIDDLE_DENOMINATOR = [1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459, 0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9] as const;
// biome-ignore format: one polynomial per line
const FAR_NUMERATOR = [6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123, 0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7] as const;
// biome-ignore format: one polynomial per line
const FAR_DENOMINATOR = [1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4, 1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15] as const;

type Coefficients = readonly [number, number, number, number, number, number, number, number];

/**
 * The standard normal quantile of p: relative error about 1e-16 (algorithm AS 241, PPND16).
 * @param p in (0, 1), exclusive
 * @throws {RangeError} if p lies outside
 * @see Wichura 1988, doi:10.2307/2347330
 */
export function inverseNormal(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`Cannot take the normal quantile of ${p}: it is not in (0, 1)`);
  const q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRAL_NUMERATOR, r)) / polynomial(CENTRAL_DENOMINATOR, r);
  }
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const magnitude =
    r <= 5
      ? polynomial(MIDDLE_NUMERATOR, r - 1.6) / polynomial(MIDDLE_DENOMINATOR, r - 1.6)
      : polynomial(FAR_NUMERATOR, r - 5) / polynomial(FAR_DENOMINATOR, r - 5);
  return q < 0 ? -magnitude : magnitude;
}

function polynomial(c: Coefficients, x: number): number {
  return ((((((c[7] * x + c[6]) * x + c[5]) * x + c[4]) * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0];
}

const SQRT_HALF = 0.7071067811865476;
// ln 2 in two parts; the upper one has 21 trailing zero bits, so that its multiples by an exponent are exact.
const LN2_UPPER = 0.693147180369123816490;
const LN2_LOWER = 1.90821492927058770002e-10;
/** Terms of the series of 2 artanh(s), |s| <= 0.1716, that exceed half a unit in the last place. */
const ARTANH_TERMS = 11;

/** Natural logarithm of a positive number: ln(m·2^e) = e ln 2 + 2 artanh((m − 1)/(m + 1)), √½ <= m < √2. */
function logarithm(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < 2 ** -16) {
    mantissa *= 2 ** 16;
    exponent -= 16;
  }
  while (mantissa < SQRT_HALF) {
    mantissa *= 2;
    exponent -= 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series = 0;
  for (let k = ARTANH_TERMS; k >= 1; k--) series = square * (series + 1 / (2 * k + 1));
  return exponent * LN2_UPPER + (2 * s + (2 * s * series + exponent * LN2_LOWER));
}
