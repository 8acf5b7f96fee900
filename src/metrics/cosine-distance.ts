/**
 * 1 − cosine of two vectors: 0 for equal directions, 1 for nothing in common, 2 for opposite ones.
 * @throws {RangeError} if their lengths differ
 */
export function cosineDistance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(`Cannot compare a vector of ${a.length} numbers with one of ${b.length}`);
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squaresA += a[i]! ** 2;
    squaresB += b[i]! ** 2;
  }
  return 1 - product / Math.sqrt(squaresA * squaresB);
}
