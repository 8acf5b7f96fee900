/** Squares of positions as channels of one position, and back. */
import { reshape, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** [N, C, p·h, p·w] → [N, C·p², h, w] */
export function toPatches(image: Value, side: number): Value {
  if (side === 1) return image;
  const [batch, channels, height, width] = image.shape as [number, number, number, number];
  const [h, w] = [height / side, width / side];
  const split = reshape(image, [batch, channels, h, side, w, side]);
  return reshape(transpose(split, [0, 1, 3, 5, 2, 4]), [batch, channels * side * side, h, w]);
}

/** [N, C·p², h, w] → [N, C, p·h, p·w] */
export function fromPatches(patches: Value, side: number): Value {
  if (side === 1) return patches;
  const [batch, depth, h, w] = patches.shape as [number, number, number, number];
  const channels = depth / side ** 2;
  const split = reshape(patches, [batch, channels, side, side, h, w]);
  return reshape(transpose(split, [0, 1, 4, 2, 5, 3]), [batch, channels, h * side, w * side]);
}
