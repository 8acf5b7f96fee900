import { addProductTransposed, type MatrixView } from './matrix-product.ts';

/** Columns that are made before the ones after them learn of it. */
const block = 64;

/**
 * The upper triangular R with Rᵀ R = C, row by row; directions without variance get zeros.
 * That of ml-matrix divides by zero there, and fewer pictures than features always leave such directions.
 * @param covariance [size, size], symmetric, no eigenvalue below zero
 */
export function choleskyFactor(covariance: Float64Array, size: number): Float64Array {
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, covariance[i * size + i]!);
  const negligible = size * Number.EPSILON * largest;
  // L = Rᵀ, from the left: a block of columns, less what those before it explain, then its own triangle.
  const lower = covariance.slice();
  for (let first = 0; first < size; first += block) {
    const end = Math.min(size, first + block);
    const part = (rows: number, from: number, columns: number): MatrixView => ({
      data: lower,
      rows,
      columns,
      offset: first * size + from,
      stride: size,
    });
    const own = part(size - first, first, end - first);
    addProductTransposed(own, part(size - first, 0, first), part(end - first, 0, first), { scale: -1 });
    for (let i = first; i < size; i++)
      for (let j = first; j <= Math.min(i, end - 1); j++) {
        let rest = lower[i * size + j]!;
        for (let k = first; k < j; k++) rest -= lower[i * size + k]! * lower[j * size + k]!;
        const corner = lower[j * size + j]!;
        if (j < i) lower[i * size + j] = corner === 0 ? 0 : rest / corner;
        else lower[i * size + i] = rest > negligible ? Math.sqrt(rest) : 0;
      }
  }
  const upper = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) upper[j * size + i] = lower[i * size + j]!;
  return upper;
}
