/** The two-dimensional Fourier transform of a small square grid, for filtering. */

/** A complex grid of side² values, row by row. */
export interface ComplexGrid {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Transforms grids of one side back and forth, in place. */
export class FourierTransform {
  readonly side: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /**
   * @param side of the grids
   * @throws {RangeError} if it is not a power of two
   */
  constructor(side: number) {
    if (!Number.isInteger(Math.log2(side)))
      throw new RangeError(`Cannot plan a Fourier transform of side ${side}: it must be a power of two`);
    this.side = side;
    this.#cos = Float64Array.from({ length: side / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / side));
    this.#sin = Float64Array.from({ length: side / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / side));
  }

  /**
   * The spectrum, transposed and with both axes in bit-reversed order: enough to multiply spectra value by
   * value, which `inverse` then takes in the same order.
   */
  forward(grid: ComplexGrid): void {
    this.#forwardColumns(grid);
    this.#transpose(grid);
    this.#forwardColumns(grid);
  }

  /** The grid whose `forward` spectrum this is. */
  inverse(spectrum: ComplexGrid): void {
    this.#inverseColumns(spectrum);
    this.#transpose(spectrum);
    this.#inverseColumns(spectrum);
    const scale = 1 / this.side ** 2;
    for (let i = 0; i < spectrum.re.length; i++) {
      spectrum.re[i]! *= scale;
      spectrum.im[i]! *= scale;
    }
  }

  /** Decimation in frequency along every column: natural order to bit-reversed order. */
  #forwardColumns({ re, im }: ComplexGrid): void {
    const { side } = this;
    for (let half = side / 2; half >= 1; half /= 2) {
      for (let top = 0; top < side; top += 2 * half) {
        for (let k = 0; k < half; k++) {
          const c = this.#cos[(k * side) / (2 * half)]!;
          const s = -this.#sin[(k * side) / (2 * half)]!;
          const end = (top + k + 1) * side;
          for (let a = end - side, b = a + half * side; a < end; a++, b++) {
            const dr = re[a]! - re[b]!;
            const di = im[a]! - im[b]!;
            re[a]! += re[b]!;
            im[a]! += im[b]!;
            re[b] = dr * c - di * s;
            im[b] = dr * s + di * c;
          }
        }
      }
    }
  }

  /** Decimation in time along every column: bit-reversed order to natural order, without the 1/side. */
  #inverseColumns({ re, im }: ComplexGrid): void {
    const { side } = this;
    for (let half = 1; half < side; half *= 2) {
      for (let top = 0; top < side; top += 2 * half) {
        for (let k = 0; k < half; k++) {
          const c = this.#cos[(k * side) / (2 * half)]!;
          const s = this.#sin[(k * side) / (2 * half)]!;
          const end = (top + k + 1) * side;
          for (let a = end - side, b = a + half * side; a < end; a++, b++) {
            const br = re[b]! * c - im[b]! * s;
            const bi = re[b]! * s + im[b]! * c;
            re[b] = re[a]! - br;
            im[b] = im[a]! - bi;
            re[a]! += br;
            im[a]! += bi;
          }
        }
      }
    }
  }

  #transpose({ re, im }: ComplexGrid): void {
    const { side } = this;
    for (let row = 0; row < side; row++) {
      for (let column = row + 1; column < side; column++) {
        const a = row * side + column;
        const b = column * side + row;
        const r = re[a]!;
        const i = im[a]!;
        re[a] = re[b]!;
        im[a] = im[b]!;
        re[b] = r;
        im[b] = i;
      }
    }
  }
}
