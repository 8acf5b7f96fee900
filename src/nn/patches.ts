/** Squares of positions as channels of one position, and back. */
import { constant, conv, reshape } from '../graph/ops.ts';
import { toSquares } from '../graph/squares.ts';
import type { Value } from '../graph/value.ts';
import type { ParameterScope } from './parameter-scope.ts';

/** [N, C·p², h, w] → [N, C, p·h, p·w] */
export { fromSquares as fromPatches } from '../graph/squares.ts';

/** Channels of patches up to which picking them by a convolution costs less than two transpositions. */
const fewChannels = 64;

/**
 * [N, C, p·h, p·w] → [N, C·p², h, w]
 * @throws {RangeError} if a side is no multiple of p
 */
export function toPatches(image: Value, side: number): Value {
  if (side === 1) return image;
  requireWholePatches(image, side);
  const channels = image.shape[1]!;
  const depth = channels * side ** 2;
  if (depth <= fewChannels)
    return conv(image, identityKernel(depth, [channels, side, side]), undefined, { stride: side });
  return toSquares(image, side);
}

/**
 * A linear map of patches, `weight` [out, C·p², 1, 1] and `bias` [out]: [N, C, p·h, p·w] → [N, out, h, w]. What a
 * convolution over {@link toPatches} gives, by a kernel as large as a patch.
 * @throws {RangeError} if a side is no multiple of p
 */
export function patchConv(
  p: ParameterScope,
  x: Value,
  side: number,
  outChannels: number,
  { bias = true }: { readonly bias?: boolean } = {},
): Value {
  requireWholePatches(x, side);
  const channels = x.shape[1]!;
  const weight = p.get('weight', [outChannels, channels * side ** 2, 1, 1]);
  const kernel = reshape(weight, [outChannels, channels, side, side]);
  return conv(x, kernel, bias ? p.get('bias', [outChannels]) : undefined, { stride: side });
}

/** @throws {RangeError} if a side is no multiple of a patch's */
function requireWholePatches({ shape: [, , height = 0, width = 0] }: Value, side: number): void {
  if (height % side === 0 && width % side === 0) return;
  throw new RangeError(
    `Cannot cut ${width} x ${height} into patches of ${side}: its sides must be multiples`,
  );
}

/** [n, …] where each of the n numbers of a patch is picked by one channel. */
function identityKernel(n: number, shape: readonly number[]): Value {
  const kernel = new Float32Array(n * n);
  for (let i = 0; i < n; i++) kernel[i * (n + 1)] = 1;
  return constant([n, ...shape], kernel);
}
