import { hostTensor } from '../tensor/host-tensor.ts';
import { featureStatistics, frechetDistance } from './frechet.ts';
import { addProductTransposed } from './matrix-product.ts';
import { symmetricEigenvalues } from './symmetric-eigenvalues.ts';

/**
 * The Fréchet distance between two sets of feature vectors. Of fewer vectors than a vector has numbers, the trace of
 * the covariances' root is the sum of the singular values of the centred vectors' products: the same number from
 * matrices as small as the sets.
 * @throws {RangeError} if a set has fewer than two vectors, or the vectors differ in length
 */
export function sampleFrechetDistance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  const size = a[0]?.length ?? 0;
  if (a.length < 2 || b.length < 2 || [...a, ...b].some((vector) => vector.length !== size))
    throw new RangeError(
      `Cannot compare sets of ${a.length} and ${b.length} feature vectors: each needs two or more, all of one length`,
    );
  if (a.length >= size || b.length >= size) return frechetDistance(statisticsOf(a), statisticsOf(b));
  const [left, right] = [centre(a), centre(b)];
  let distance = left.trace + right.trace;
  for (let i = 0; i < size; i++) distance += (left.mean[i]! - right.mean[i]!) ** 2;
  // M = A Bᵀ; the squares of its singular values are the eigenvalues of the smaller of M Mᵀ and Mᵀ M.
  const [few, many] = a.length <= b.length ? [left, right] : [right, left];
  const product = new Float64Array(few.count * many.count);
  addProductTransposed(product, few.rows, many.rows, few.count, many.count, size);
  const squares = new Float64Array(few.count ** 2);
  addProductTransposed(squares, product, product, few.count, few.count, many.count);
  for (const eigenvalue of symmetricEigenvalues(squares, few.count))
    distance -= 2 * Math.sqrt(Math.max(0, eigenvalue));
  return distance;
}

/** Vectors less their mean over √(N − 1), row by row, and the trace of their covariance. */
function centre(vectors: readonly Float32Array[]) {
  const count = vectors.length;
  const size = vectors[0]!.length;
  const mean = new Float64Array(size);
  for (const vector of vectors) for (let i = 0; i < size; i++) mean[i]! += vector[i]! / count;
  const rows = new Float64Array(count * size);
  let trace = 0;
  for (const [n, vector] of vectors.entries())
    for (let i = 0; i < size; i++) {
      const value = (vector[i]! - mean[i]!) / Math.sqrt(count - 1);
      rows[n * size + i] = value;
      trace += value * value;
    }
  return { count, mean, rows, trace };
}

/** Mean and covariance of vectors. */
export function statisticsOf(vectors: readonly Float32Array[]) {
  const size = vectors[0]!.length;
  const all = hostTensor([vectors.length, size]);
  for (const [i, vector] of vectors.entries()) all.data.set(vector, i * size);
  return featureStatistics(all);
}
