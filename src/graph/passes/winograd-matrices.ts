/** The matrices of F(4×4, 3×3) (Lavin & Gray 2016, arXiv:1509.09308), applied to both axes of a tile at once. */
import { constant, reshape } from '../ops.ts';
import type { Value } from '../value.ts';

type Matrix = readonly (readonly number[])[];

/** Outputs of a tile, inputs of a tile, and the products between them, along one axis and along both. */
export const tile = 4;
export const window = 6; // tile + 3 − 1
export const taps = window * window;

/** Bᵀ: the input transform. */
const bt: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
/** G: the kernel transform. */
const g: Matrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
/** Aᵀ: the output transform. */
const at: Matrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];
/** Bᵀ with the columns summed that read the same pixel of an image enlarged two times: windows of 4 pixels. */
const btUpsampled = bt.map(([a, b, c, d, e, f]) => [a!, b! + c!, d! + e!, f!]);

/** M ⊗ M, so that one product applies M along both axes of a window. */
function kronecker(m: Matrix): Value {
  const rows = m.length;
  const columns = m[0]!.length;
  const values = m.flatMap((left) => m.flatMap((right) => left.flatMap((l) => right.map((r) => l * r))));
  return constant([rows * rows, columns * columns], values);
}

function transposed(m: Matrix): Matrix {
  return m[0]!.map((_, column) => m.map((row) => row[column]!));
}

/** As filters of a convolution over windows of the input. */
export const inputTransform = reshape(kronecker(bt), [taps, 1, window, window]);
export const upsampledInputTransform = reshape(kronecker(btUpsampled), [taps, 1, 4, 4]);
export const kernelTransform = kronecker(g);
export const outputTransform = kronecker(at);

/** The transposes, for gradients: A ⊗ A as filters over tiles of the output's gradient, Gᵀ ⊗ Gᵀ for the kernel's. */
export const outputGradientTransform = reshape(kronecker(transposed(at)), [taps, 1, tile, tile]);
export const kernelGradientTransform = kronecker(transposed(g));
