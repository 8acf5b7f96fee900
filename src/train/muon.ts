import { add, constant, div, matmul, mul, reduceSum, sqrt, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** Of Newton and Schulz's iteration: five of them bring every singular value near one. */
const coefficients = [3.4445, -4.775, 2.0315] as const;
const iterations = 5;
/** Keeps zero matrices zero. */
const leastSquare = 1e-24;

/** Relative to the root of a matrix's longer side: an update as large, element by element, as Adam's usually is. */
const updateScale = 0.2;

export interface MuonConfig {
  /** Decay of the running mean of gradients, 0..1. */
  readonly momentum: number;
  /** Factor of the learning rate. */
  readonly rateFactor: number;
}

/** Brings a running mean up to date, and puts where it goes next in the gradient's place (Nesterov's momentum). */
export function muonMean(
  mean: Float32Array,
  gradient: Float32Array,
  clip: number,
  { momentum }: Pick<MuonConfig, 'momentum'>,
): void {
  for (let i = 0; i < mean.length; i++) {
    const share = (1 - momentum) * clip * gradient[i]!;
    const newMean = momentum * mean[i]! + share;
    mean[i] = newMean;
    gradient[i] = momentum * newMean + share;
  }
}

/**
 * The directions of a step: those of the means, with all singular values about one.
 * @param ahead [matrices, rows, columns], as {@link muonMean} leaves them
 * @see Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the scale: Liu et al. 2025, arXiv:2502.16982
 */
export function muonDirection(ahead: Value): Value {
  return mul(orthogonalised(ahead), updateScale * Math.sqrt(Math.max(...ahead.shape.slice(1))));
}

/** Takes a step along directions of {@link muonDirection}, in place. */
export function muonStep(
  parameter: Float32Array,
  direction: Float32Array,
  learningRate: number,
  { rateFactor, weightDecay }: Pick<MuonConfig, 'rateFactor'> & { readonly weightDecay: number },
): void {
  const rate = learningRate * rateFactor;
  for (let i = 0; i < parameter.length; i++)
    parameter[i]! -= rate * (direction[i]! + weightDecay * parameter[i]!);
}

/**
 * U·S'·Vᵀ of each matrix U·S·Vᵀ of [matrices, rows, columns], S' between 0.7 and 1.2 wherever S is not far below the
 * largest. The iteration X ← (a + b·XXᵀ + c·(XXᵀ)²)·X runs on XXᵀ alone, the smaller matrix; its factors all commute.
 */
export function orthogonalised(matrices: Value): Value {
  const [, rows, columns] = matrices.shape as [number, number, number];
  const turned = (x: Value): Value => (rows <= columns ? x : transpose(x, [0, 2, 1]));
  const wide = turned(matrices);
  const [a, b, c] = coefficients;
  const identity = scaledIdentity(Math.min(rows, columns), a);
  const squares = add(reduceSum(mul(wide, wide), [1, 2], true), leastSquare); // [matrices, 1, 1]
  let gram = div(matmul(wide, wide, { transB: true }), squares);
  let product: Value | undefined;
  for (let i = 0; i < iterations; i++) {
    const factor = add(add(mul(gram, b), mul(matmul(gram, gram), c)), identity);
    product = product ? matmul(factor, product) : factor;
    gram = matmul(matmul(factor, gram), factor);
  }
  return turned(div(matmul(product!, wide), sqrt(squares)));
}

function scaledIdentity(size: number, scale: number): Value {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = scale;
  return constant([size, size], data);
}
