/** Fréchet distance between two sets of feature vectors: what FID is, over whichever features it is given. */

import { formatShape, type HostTensor } from '../tensor/host-tensor.ts';
import { addProductTransposed } from './matrix-product.ts';
import { symmetricEigenvalues } from './symmetric-eigenvalues.ts';

/** Feature vectors taken into the covariance at a time. */
const CHUNK = 256;

/** Mean and covariance of a set of feature vectors. */
export interface FeatureStatistics {
  /** [D] */
  readonly mean: Float64Array;
  /** [D, D], row by row, symmetric; unbiased. */
  readonly covariance: Float64Array;
}

/**
 * @param features [N, D], N >= 2
 * @throws {RangeError} if there are fewer than two vectors
 */
export function featureStatistics(features: HostTensor): FeatureStatistics {
  const [count = 0, size = 0] = features.shape;
  if (features.shape.length !== 2 || count < 2)
    throw new RangeError(
      `Cannot take the statistics of features of shape ${formatShape(features.shape)}: expected [N, D] with N >= 2`,
    );
  const mean = new Float64Array(size);
  for (let i = 0; i < features.data.length; i++) mean[i % size]! += features.data[i]! / count;
  const covariance = new Float64Array(size * size);
  for (let first = 0; first < count; first += CHUNK) {
    const chunk = Math.min(CHUNK, count - first);
    const scaled = new Float64Array(size * chunk); // [D, chunk]
    for (let n = 0; n < chunk; n++)
      for (let i = 0; i < size; i++)
        scaled[i * chunk + n] = (features.data[(first + n) * size + i]! - mean[i]!) / Math.sqrt(count - 1);
    addProductTransposed(covariance, scaled, scaled, size, size, chunk);
  }
  return { mean, covariance };
}

/**
 * |μ1 - μ2|² + tr(C1 + C2 - 2 (C1 C2)^½) of two normal distributions. With C1 = L Lᵀ, the trace of the root is
 * the sum of the roots of the eigenvalues of the symmetric Lᵀ C2 L.
 * @throws {RangeError} if the statistics are of features of different sizes
 * @see Heusel et al. 2017, arXiv:1706.08500; Dowson & Landau 1982
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const size = a.mean.length;
  if (b.mean.length !== size)
    throw new RangeError(`Cannot compare features of ${size} values with features of ${b.mean.length}`);
  let distance = 0;
  for (let i = 0; i < size; i++) {
    distance += (a.mean[i]! - b.mean[i]!) ** 2;
    distance += a.covariance[i * size + i]! + b.covariance[i * size + i]!;
  }
  const root = choleskyTransposed(a.covariance, size);
  const half = new Float64Array(size * size); // Lᵀ C2
  addProductTransposed(half, root, b.covariance, size, size, size);
  const product = new Float64Array(size * size); // Lᵀ C2 L
  addProductTransposed(product, half, root, size, size, size);
  for (const eigenvalue of symmetricEigenvalues(product, size))
    distance -= 2 * Math.sqrt(Math.max(0, eigenvalue));
  return distance;
}

/**
 * Lᵀ, row by row, of the lower triangular L with L Lᵀ = C; directions without variance get zeros.
 * That of ml-matrix divides by zero there, and fewer pictures than features always leave such directions.
 */
function choleskyTransposed(covariance: Float64Array, size: number): Float64Array {
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, covariance[i * size + i]!);
  const negligible = size * Number.EPSILON * largest;
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = covariance[i * size + j]!;
      for (let k = 0; k < j; k++) rest -= lower[i * size + k]! * lower[j * size + k]!;
      if (j < i) lower[i * size + j] = lower[j * size + j] === 0 ? 0 : rest / lower[j * size + j]!;
      else lower[i * size + i] = rest > negligible ? Math.sqrt(rest) : 0;
    }
  }
  return lower.map((_, at) => lower[(at % size) * size + Math.floor(at / size)]!);
}
