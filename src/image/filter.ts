/** Filtering of images with large kernels. */

import { type ComplexGrid, FourierTransform } from './fourier.ts';
import type { Kernel } from './gaussian-kernel.ts';
import { mirror } from './mirror.ts';
import { createPixels, type FloatPixels, type Pixels } from './pixels.ts';

/** One channel of a square part of the image, named by the output pixel at its top left. */
interface Tile {
  readonly x: number;
  readonly y: number;
  readonly channel: number;
}

/**
 * Correlates each channel with a kernel, the border mirrored about the outermost pixel: OpenCV's `filter2D`
 * with BORDER_REFLECT_101, on float32. Works tile by tile through the Fourier transform in double precision.
 * A kernel that is a product of two lines is done faster by `filterTaps`.
 * @throws {RangeError} if the kernel is not a square of odd side
 */
export function filter2d(pixels: Pixels, kernel: Kernel): FloatPixels {
  if (kernel.size % 2 === 0 || kernel.weights.length !== kernel.size ** 2)
    throw new RangeError(
      `Cannot filter with a kernel of side ${kernel.size} and ${kernel.weights.length} weights: expected an odd square`,
    );
  const { width, height, channels } = pixels;
  const output = createPixels(width, height, channels, new Float32Array(width * height * channels));
  // A tile three to six times the kernel loses a third of each side or less to the kernel's reach; the grids of
  // larger ones leave the processor's cache.
  const transform = new FourierTransform(2 ** Math.ceil(Math.log2(3 * kernel.size)));
  const response = kernelSpectrum(kernel, transform);
  const step = transform.side - kernel.size + 1;
  const tiles: Tile[] = [];
  for (let y = 0; y < height; y += step)
    for (let x = 0; x < width; x += step)
      for (let channel = 0; channel < channels; channel++) tiles.push({ x, y, channel });

  // The kernel is real, so two real tiles go through as the real and imaginary part of one grid.
  const grid = transform.emptyGrid();
  for (let i = 0; i < tiles.length; i += 2) {
    const pair = tiles.slice(i, i + 2);
    pair.forEach((tile, part) => {
      readTile(pixels, tile, kernel.size, transform.side, grid, part);
    });
    transform.forward(grid);
    multiplyByConjugate(grid, response);
    transform.inverse(grid);
    pair.forEach((tile, part) => {
      writeTile(output, tile, step, transform.side, grid, part);
    });
  }
  return output;
}

function kernelSpectrum({ size, weights }: Kernel, transform: FourierTransform): ComplexGrid {
  const grid = transform.emptyGrid();
  for (let row = 0; row < size; row++)
    for (let i = 0; i < size; i++) grid[2 * (row * transform.side + i)] = weights[row * size + i]!;
  transform.forward(grid);
  return grid;
}

/** grid · conj(response): in space, the correlation of the grid with the kernel. */
function multiplyByConjugate(grid: ComplexGrid, response: ComplexGrid): void {
  for (let i = 0; i < grid.length; i += 2) {
    const re = grid[i]!;
    const im = grid[i + 1]!;
    grid[i] = re * response[i]! + im * response[i + 1]!;
    grid[i + 1] = im * response[i]! - re * response[i + 1]!;
  }
}

/** @param part 0: into the real parts of the grid, 1: into the imaginary ones */
function readTile(
  pixels: Pixels,
  tile: Tile,
  kernelSize: number,
  side: number,
  grid: ComplexGrid,
  part: number,
): void {
  const { width, height, channels, data } = pixels;
  const radius = (kernelSize - 1) / 2;
  const columns = Int32Array.from(
    { length: side },
    (_, i) => mirror(tile.x + i - radius, width) * channels + tile.channel,
  );
  for (let row = 0; row < side; row++) {
    const start = mirror(tile.y + row - radius, height) * width * channels;
    for (let i = 0; i < side; i++) grid[2 * (row * side + i) + part] = data[start + columns[i]!]!;
  }
}

function writeTile(
  output: FloatPixels,
  tile: Tile,
  step: number,
  side: number,
  grid: ComplexGrid,
  part: number,
): void {
  const { width, height, channels, data } = output;
  const rows = Math.min(step, height - tile.y);
  const columns = Math.min(step, width - tile.x);
  for (let row = 0; row < rows; row++) {
    let to = ((tile.y + row) * width + tile.x) * channels + tile.channel;
    for (let i = 0; i < columns; i++, to += channels) data[to] = grid[2 * (row * side + i) + part]!;
  }
}
