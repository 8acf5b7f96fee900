/** Affine warps that may make an image much smaller: pixels are averaged first, so that nothing is skipped. */

import { type AffineMatrix, applyAffine, invertAffine, type Point } from './geometry.ts';
import { checkSize, createPixels, isBytePixels, type Pixels } from './pixels.ts';
import { type Region, warpAffine } from './warp-affine.ts';

/**
 * `warpAffine`; where the matrix shrinks to half or less, of the means of blocks of pixels.
 * @throws {RangeError} as `warpAffine`
 */
export function warpAntialiased(
  pixels: Pixels,
  matrix: AffineMatrix,
  region: Region,
  border: readonly number[],
): Pixels {
  const scale = affineScale(matrix);
  const factor = Math.floor(1 / scale + 1e-6);
  if (factor < 2) return warpAffine(pixels, matrix, region, border);
  const needed = sourceRegion(pixels, invertAffine(matrix), region, 2 * factor);
  if (!needed) return warpAffine(pixels, matrix, region, border);
  const shrunk = shrinkByBlocks(pixels, needed, factor);
  // A block's centre, in pixels of the source.
  const toSource: AffineMatrix = [
    factor,
    0,
    needed.x + (factor - 1) / 2,
    0,
    factor,
    needed.y + (factor - 1) / 2,
  ];
  return warpAffine(shrunk, composeAffine(matrix, toSource), region, border);
}

/** How much larger a similarity makes things. */
export function affineScale([a, b, , d, e]: AffineMatrix): number {
  return Math.sqrt(Math.abs(a * e - b * d));
}

/** `outer` after `inner`. */
export function composeAffine(outer: AffineMatrix, inner: AffineMatrix): AffineMatrix {
  const [a, b, c, d, e, f] = inner;
  const [ax, ay] = [outer[0], outer[3]];
  const [bx, by] = [outer[1], outer[4]];
  const [cx, cy] = applyAffine(outer, [c, f]);
  return [ax * a + bx * d, ax * b + bx * e, cx, ay * a + by * d, ay * b + by * e, cy];
}

/**
 * The means of blocks of `factor` × `factor` pixels of a part of an image; at its right and lower end, of the pixels
 * that are left. Bytes are rounded.
 * @throws {RangeError} if the factor is not a positive integer
 */
export function shrinkByBlocks(pixels: Pixels, { x, y, width, height }: Region, factor: number): Pixels {
  const [columns, rows] = [Math.ceil(width / factor), Math.ceil(height / factor)];
  checkSize(columns, rows);
  const { channels, data } = pixels;
  const count = columns * rows * channels;
  const shrunk = isBytePixels(pixels) ? new Uint8Array(count) : new Float32Array(count);
  const sums = new Float64Array(columns * channels);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    const bottom = Math.min((row + 1) * factor, height);
    for (let i = row * factor; i < bottom; i++) {
      let from = ((y + i) * pixels.width + x) * channels;
      for (let j = 0; j < width; j++) {
        const to = Math.floor(j / factor) * channels;
        for (let c = 0; c < channels; c++) sums[to + c] = sums[to + c]! + data[from++]!;
      }
    }
    for (let column = 0; column < columns; column++) {
      const across = Math.min(factor, width - column * factor);
      const area = across * (bottom - row * factor);
      for (let c = 0; c < channels; c++) {
        const mean = sums[column * channels + c]! / area;
        shrunk[(row * columns + column) * channels + c] = isBytePixels(pixels) ? Math.round(mean) : mean;
      }
    }
  }
  return createPixels(columns, rows, channels, shrunk);
}

/** The part of `pixels` that the result's region is made of, with `margin` around it; none if it lies outside. */
function sourceRegion(
  pixels: Pixels,
  toSource: AffineMatrix,
  { x, y, width, height }: Region,
  margin: number,
): Region | undefined {
  const corners: Point[] = [
    [x, y],
    [x + width, y],
    [x, y + height],
    [x + width, y + height],
  ];
  const points = corners.map((corner) => applyAffine(toSource, corner));
  const [xs, ys] = [points.map(([px]) => px), points.map(([, py]) => py)];
  const left = Math.max(0, Math.floor(Math.min(...xs)) - margin);
  const top = Math.max(0, Math.floor(Math.min(...ys)) - margin);
  const right = Math.min(pixels.width, Math.ceil(Math.max(...xs)) + margin);
  const bottom = Math.min(pixels.height, Math.ceil(Math.max(...ys)) + margin);
  return right > left && bottom > top
    ? { x: left, y: top, width: right - left, height: bottom - top }
    : undefined;
}
