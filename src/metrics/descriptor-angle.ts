/** How far two faces are apart, as a recognition network sees them. */

/**
 * The angle between two descriptors, arccos(a·b / |a||b|), in degrees: 0 for equal directions, 90 for nothing in
 * common. A descriptor of zeros has everything in common with another such, and nothing with any else.
 * @throws {RangeError} if their lengths differ
 */
export function descriptorAngle(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(`Cannot compare a descriptor of ${a.length} numbers with one of ${b.length}`);
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squaresA += a[i]! ** 2;
    squaresB += b[i]! ** 2;
  }
  if (squaresA === 0 || squaresB === 0) return squaresA === squaresB ? 0 : 90;
  const cosine = product / Math.sqrt(squaresA * squaresB);
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}
