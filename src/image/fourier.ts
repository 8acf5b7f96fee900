/** The two-dimensional Fourier transform of a small square grid, for filtering. */

import FFT from 'fft.js';

/** A complex grid of side² values, row by row; the real part of each comes first, the imaginary one after it. */
export type ComplexGrid = Float64Array;

/** Transforms grids of one side back and forth, in place. */
export class FourierTransform {
  readonly side: number;
  readonly #fft: FFT;
  /** A transformed row; fft.js does not work in place. */
  readonly #row: ComplexGrid;

  /**
   * @param side of the grids
   * @throws {RangeError} if it is not a power of two from 2 on
   */
  constructor(side: number) {
    if (!Number.isInteger(Math.log2(side)) || side < 2)
      throw new RangeError(`Cannot plan a Fourier transform of side ${side}: it must be a power of two`);
    this.side = side;
    this.#fft = new FFT(side);
    this.#row = new Float64Array(2 * side);
  }

  emptyGrid(): ComplexGrid {
    return new Float64Array(2 * this.side ** 2);
  }

  /**
   * The spectrum, transposed: enough to multiply spectra value by value, which `inverse` then takes in the same order.
   */
  forward(grid: ComplexGrid): void {
    this.#forwardRows(grid);
    this.#transpose(grid);
    this.#forwardRows(grid);
  }

  /** The grid whose `forward` spectrum this is. */
  inverse(spectrum: ComplexGrid): void {
    this.#inverseRows(spectrum);
    this.#transpose(spectrum);
    this.#inverseRows(spectrum);
  }

  #forwardRows(grid: ComplexGrid): void {
    for (const row of this.#rowsOf(grid)) {
      this.#fft.transform(this.#row, row);
      row.set(this.#row);
    }
  }

  #inverseRows(grid: ComplexGrid): void {
    for (const row of this.#rowsOf(grid)) {
      this.#fft.inverseTransform(this.#row, row);
      row.set(this.#row);
    }
  }

  *#rowsOf(grid: ComplexGrid): Generator<ComplexGrid> {
    const length = 2 * this.side;
    for (let start = 0; start < grid.length; start += length) yield grid.subarray(start, start + length);
  }

  /** Block by block, so that rows written to stay in the cache. */
  #transpose(grid: ComplexGrid): void {
    const { side } = this;
    for (let top = 0; top < side; top += BLOCK)
      for (let left = top; left < side; left += BLOCK)
        for (let row = top; row < Math.min(top + BLOCK, side); row++)
          for (let column = Math.max(left, row + 1); column < Math.min(left + BLOCK, side); column++) {
            const a = 2 * (row * side + column);
            const b = 2 * (column * side + row);
            const [re, im] = [grid[a]!, grid[a + 1]!];
            grid[a] = grid[b]!;
            grid[a + 1] = grid[b + 1]!;
            grid[b] = re;
            grid[b + 1] = im;
          }
  }
}

/** Side of the blocks that are transposed at a time. */
const BLOCK = 16;
