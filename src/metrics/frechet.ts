/** Fréchet distance between two sets of feature vectors: what FID is, over whichever features it is given. */
import { choleskyFactor } from './cholesky.ts';
import type { FactoredStatistics, FeatureStatistics, SetStatistics } from './feature-statistics.ts';
import { addProductTransposed, type MatrixView } from './matrix-product.ts';
import { symmetricEigenvalues } from './symmetric-eigenvalues.ts';

/** Columns of a triangular factor whose rows are cut short together. */
const block = 256;

/**
 * |μ1 - μ2|² + tr(C1 + C2 - 2 (C1 C2)^½) of two normal distributions. With C1 = Aᵀ A, the trace of the root is the sum
 * of the roots of the eigenvalues of the symmetric A C2 Aᵀ, which is as small as the smaller of the two sets.
 * @throws {RangeError} if the statistics are of features of different sizes
 * @see Heusel et al. 2017, arXiv:1706.08500; Dowson & Landau 1982
 */
export function frechetDistance(a: SetStatistics, b: SetStatistics): number {
  const size = a.mean.length;
  if (b.mean.length !== size)
    throw new RangeError(`Cannot compare features of ${size} values with features of ${b.mean.length}`);
  let distance = varianceOf(a) + varianceOf(b);
  for (let i = 0; i < size; i++) distance += (a.mean[i]! - b.mean[i]!) ** 2;
  const [few, many] = factorRows(a) <= factorRows(b) ? [a, b] : [b, a];
  // Where the first has no factor, the second has none.
  const { product, rows } =
    'factor' in few ? throughFactor(few, many) : throughTriangle(few, many as FeatureStatistics);
  for (const eigenvalue of symmetricEigenvalues(product, rows))
    distance -= 2 * Math.sqrt(Math.max(0, eigenvalue));
  return distance;
}

/** Rows of its factor; endless where it has none. */
function factorRows(statistics: SetStatistics): number {
  return 'factor' in statistics
    ? statistics.factor.length / statistics.mean.length
    : Number.POSITIVE_INFINITY;
}

/** tr C */
function varianceOf(statistics: SetStatistics): number {
  if ('factor' in statistics) return statistics.factor.reduce((sum, value) => sum + value * value, 0);
  const size = statistics.mean.length;
  return statistics.mean.reduce((sum, _, i) => sum + statistics.covariance[i * (size + 1)]!, 0);
}

/** A C Aᵀ, upper triangle. */
function throughFactor({ factor, mean }: FactoredStatistics, other: SetStatistics) {
  const size = mean.length;
  const rows = factor.length / size;
  const a = { data: factor, rows, columns: size };
  // A Bᵀ of another factor, else A C
  const right = 'factor' in other ? other.factor : other.covariance;
  const columns = right.length / size;
  const half = { data: new Float64Array(rows * columns), rows, columns };
  addProductTransposed(half, a, { data: right, rows: columns, columns: size });
  const product = new Float64Array(rows ** 2);
  const out = { data: product, rows, columns: rows };
  addProductTransposed(out, half, 'factor' in other ? half : a, { upper: true });
  return { product, rows };
}

/** R C Rᵀ of the upper triangular R, upper triangle; both have as many directions as features. */
function throughTriangle({ covariance, mean }: FeatureStatistics, other: FeatureStatistics) {
  const size = mean.length;
  const triangle = choleskyFactor(covariance, size);
  const half = new Float64Array(size ** 2);
  const product = new Float64Array(size ** 2);
  // Of R, columns up to `end` are zero below that row.
  type CutPart = (data: Float64Array, rows: number) => MatrixView;
  const eachBlock = (add: (part: CutPart, end: number) => void): void => {
    for (let first = 0; first < size; first += block) {
      const end = Math.min(size, first + block);
      add((data, rows) => ({ data, rows, columns: end - first, offset: first, stride: size }), end);
    }
  };
  const whole = (data: Float64Array, rows: number) => ({ data, rows, columns: size });
  eachBlock((part, end) => {
    addProductTransposed(whole(half, end), part(triangle, end), part(other.covariance, size));
  });
  eachBlock((part, end) => {
    addProductTransposed(whole(product, end), part(half, end), part(triangle, end), { upper: true });
  });
  return { product, rows: size };
}
