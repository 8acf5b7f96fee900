/** Squares of positions as channels of one position, and back. */
import { reshape, transpose } from './ops.ts';
import type { Value } from './value.ts';

/**
 * [N, C, s·h, s·w] → [N, C·s², h, w], channel (c·s + y)·s + x the position (y, x) of a square.
 *
 * One matrix first, then whole rows: ONNX Runtime calls its threads anew for each matrix of a batch, and waits.
 */
export function toSquares(image: Value, side: number): Value {
  const [batch, channels, height, width] = image.shape as [number, number, number, number];
  const [h, w] = [height / side, width / side];
  const columns = transpose(reshape(image, [batch * channels * height * w, side]), [1, 0]);
  const rows = transpose(reshape(columns, [side, batch * channels, h, side, w]), [1, 3, 0, 2, 4]);
  return reshape(rows, [batch, channels * side ** 2, h, w]);
}

/** [N, C·s², h, w] → [N, C, s·h, s·w], the opposite of {@link toSquares}: whole rows first, then one matrix. */
export function fromSquares(squares: Value, side: number): Value {
  if (side === 1) return squares;
  const [batch, depth, h, w] = squares.shape as [number, number, number, number];
  const channels = depth / side ** 2;
  const rows = transpose(reshape(squares, [batch * channels, side, side, h, w]), [2, 0, 3, 1, 4]); // [s, N·C, h, s, w]
  const pixels = transpose(reshape(rows, [side, batch * channels * h * side * w]), [1, 0]);
  return reshape(pixels, [batch, channels, h * side, w * side]);
}
