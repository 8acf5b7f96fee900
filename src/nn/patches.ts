/** Squares of positions as channels of one position, and back. */
import { reshape, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** [N, C, p·h, p·w] → [N, C·p², h, w] */
export function toPatches(image: Value, side: number): Value {
  if (side === 1) return image;
  const [batch, channels, height, width] = image.shape as [number, number, number, number];
  const [h, w] = [height / side, width / side];
  // Two transpositions of neighbouring axes are many times faster than one of all: both copy whole rows.
  const columns = transpose(reshape(image, [-1, w, side]), [0, 2, 1]); // [N·C·h·p, p, w]
  const squares = transpose(reshape(columns, [batch * channels, h, side * side, w]), [0, 2, 1, 3]);
  return reshape(squares, [batch, channels * side * side, h, w]);
}

/** [N, C·p², h, w] → [N, C, p·h, p·w] */
export function fromPatches(patches: Value, side: number): Value {
  if (side === 1) return patches;
  const [batch, depth, h, w] = patches.shape as [number, number, number, number];
  const channels = depth / side ** 2;
  const squares = reshape(patches, [batch * channels, side * side, h, w]);
  const columns = reshape(transpose(squares, [0, 2, 1, 3]), [-1, side, w]); // [N·C·h·p, p, w]
  return reshape(transpose(columns, [0, 2, 1]), [batch, channels, h * side, w * side]);
}
