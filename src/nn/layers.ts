/** Layers: each takes the scope of its weights and a value, and returns a value. Weight names are PyTorch's. */
import { conv, div, gemm, groupNormalization, layerNormalization, matmul, reshape } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import type { ParameterScope } from './parameter-scope.ts';

/** x·Wᵀ + b over the last axis; x [..., in] → [..., out], weight [out, in]. */
export function linear(p: ParameterScope, x: Value, outFeatures: number, { bias = true } = {}): Value {
  const inFeatures = x.shape.at(-1)!;
  const weight = p.get('weight', [outFeatures, inFeatures]);
  const rows = x.shape.length === 2 ? x : reshape(x, [-1, inFeatures]);
  const product = gemm(rows, weight, bias ? p.get('bias', [outFeatures]) : undefined, { transB: true });
  return x.shape.length === 2 ? product : reshape(product, [...x.shape.slice(0, -1), outFeatures]);
}

export interface ConvLayerOptions {
  /** Extent of the kernel, on every axis or one an axis; 3 unless given. */
  readonly kernel?: number | readonly number[];
  readonly stride?: number;
  /** (kernel − 1)/2 unless given. */
  readonly padding?: number | readonly number[];
  readonly bias?: boolean;
  /** Whether the weight is divided by its largest singular value: see {@link spectralWeight}. */
  readonly spectral?: boolean;
}

/** x [N, in, …] → [N, out, …], weight [out, in, k, …] over all trailing axes. */
export function convLayer(
  p: ParameterScope,
  x: Value,
  outChannels: number,
  { kernel = 3, stride = 1, padding, bias = true, spectral = false }: ConvLayerOptions = {},
): Value {
  const kernels = typeof kernel === 'number' ? x.shape.slice(2).map(() => kernel) : kernel;
  const shape = [outChannels, x.shape[1]!, ...kernels];
  const weight = spectral ? spectralWeight(p, shape) : p.get('weight', shape);
  const half = kernels.map((extent) => (extent - 1) / 2);
  return conv(x, weight, bias ? p.get('bias', [outChannels]) : undefined, {
    stride,
    padding: padding ?? [...half, ...half],
  });
}

/**
 * `weight` [out, …] over its largest singular value as a matrix of `out` rows, by its singular vectors `weight_u` [out] and
 * `weight_v`, which take no part in differentiation. PyTorch's names.
 * @see Miyato et al. 2018, arXiv:1802.05957, equation 8
 */
function spectralWeight(p: ParameterScope, shape: readonly number[]): Value {
  const weight = p.get('weight', shape);
  const rows = shape[0]!;
  const matrix = reshape(weight, [rows, -1]);
  const columns = matrix.shape[1]!;
  const [u, v] = [p.get('weight_u', [rows]), p.get('weight_v', [columns])];
  const largest = matmul(reshape(u, [1, rows]), matmul(matrix, reshape(v, [columns, 1])));
  return div(weight, reshape(largest, []));
}

/** Group normalisation of x [N, C, …] with `weight` and `bias` [C]. */
export function groupNorm(p: ParameterScope, x: Value, groups: number, epsilon: number): Value {
  const channels = x.shape[1]!;
  return groupNormalization(x, p.get('weight', [channels]), p.get('bias', [channels]), groups, epsilon);
}

/** Layer normalisation of x [..., C] with `weight` and `bias` [C]. */
export function layerNorm(p: ParameterScope, x: Value, epsilon = 1e-5): Value {
  const channels = x.shape.at(-1)!;
  return layerNormalization(x, p.get('weight', [channels]), p.get('bias', [channels]), epsilon);
}
