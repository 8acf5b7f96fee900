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
    this.#cos = Float64Array.from({ length: side }, (_, k) => Math.cos((2 * Math.PI * k) / side));
    this.#sin = Float64Array.from({ length: side }, (_, k) => Math.sin((2 * Math.PI * k) / side));
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

  /**
   * Decimation in frequency along every column: natural order to bit-reversed order. Steps of radix 4, as these
   * read and write the grid half as often as those of radix 2; one of radix 2 where the side is no power of 4.
   */
  #forwardColumns(grid: ComplexGrid): void {
    const { side } = this;
    let length = side;
    for (; length >= 4; length /= 4)
      for (let top = 0; top < side; top += length)
        for (let k = 0; k < length / 4; k++) this.#forwardRows(grid, top + k, length);
    if (length === 2) this.#sumsAndDifferences(grid);
  }

  /** Four rows, a quarter of `length` apart from `row` on, of a transform of `length` points. */
  #forwardRows({ re, im }: ComplexGrid, row: number, length: number): void {
    const { side } = this;
    const [c1, s1, c2, s2, c3, s3] = this.#turns(row, length);
    const quarter = (length / 4) * side;
    const end = (row + 1) * side;
    for (let a = row * side, b = a + quarter, c = b + quarter, d = c + quarter; a < end; a++, b++, c++, d++) {
      const evenRe = re[a]! + re[c]!;
      const evenIm = im[a]! + im[c]!;
      const oddRe = re[b]! + re[d]!;
      const oddIm = im[b]! + im[d]!;
      const acRe = re[a]! - re[c]!;
      const acIm = im[a]! - im[c]!;
      const bdRe = re[b]! - re[d]!;
      const bdIm = im[b]! - im[d]!;
      re[a] = evenRe + oddRe;
      im[a] = evenIm + oddIm;
      const secondRe = evenRe - oddRe;
      const secondIm = evenIm - oddIm;
      re[b] = secondRe * c2 + secondIm * s2;
      im[b] = secondIm * c2 - secondRe * s2;
      // (a - c) - i (b - d), and the same with + i.
      const firstRe = acRe + bdIm;
      const firstIm = acIm - bdRe;
      re[c] = firstRe * c1 + firstIm * s1;
      im[c] = firstIm * c1 - firstRe * s1;
      const thirdRe = acRe - bdIm;
      const thirdIm = acIm + bdRe;
      re[d] = thirdRe * c3 + thirdIm * s3;
      im[d] = thirdIm * c3 - thirdRe * s3;
    }
  }

  /** Decimation in time along every column: bit-reversed order to natural order, without the 1/side. */
  #inverseColumns(grid: ComplexGrid): void {
    const { side } = this;
    let length = 4;
    if (Math.log2(side) % 2 === 1) {
      this.#sumsAndDifferences(grid);
      length = 8;
    }
    for (; length <= side; length *= 4)
      for (let top = 0; top < side; top += length)
        for (let k = 0; k < length / 4; k++) this.#inverseRows(grid, top + k, length);
  }

  /** Undoes `forwardRows`, times 4. */
  #inverseRows({ re, im }: ComplexGrid, row: number, length: number): void {
    const { side } = this;
    const [c1, s1, c2, s2, c3, s3] = this.#turns(row, length);
    const quarter = (length / 4) * side;
    const end = (row + 1) * side;
    for (let a = row * side, b = a + quarter, c = b + quarter, d = c + quarter; a < end; a++, b++, c++, d++) {
      const secondRe = re[b]! * c2 - im[b]! * s2;
      const secondIm = im[b]! * c2 + re[b]! * s2;
      const firstRe = re[c]! * c1 - im[c]! * s1;
      const firstIm = im[c]! * c1 + re[c]! * s1;
      const thirdRe = re[d]! * c3 - im[d]! * s3;
      const thirdIm = im[d]! * c3 + re[d]! * s3;
      const evenRe = re[a]! + secondRe;
      const evenIm = im[a]! + secondIm;
      const oddRe = re[a]! - secondRe;
      const oddIm = im[a]! - secondIm;
      const sumRe = firstRe + thirdRe;
      const sumIm = firstIm + thirdIm;
      // i (first - third)
      const turnedRe = thirdIm - firstIm;
      const turnedIm = firstRe - thirdRe;
      re[a] = evenRe + sumRe;
      im[a] = evenIm + sumIm;
      re[b] = oddRe + turnedRe;
      im[b] = oddIm + turnedIm;
      re[c] = evenRe - sumRe;
      im[c] = evenIm - sumIm;
      re[d] = oddRe - turnedRe;
      im[d] = oddIm - turnedIm;
    }
  }

  /** Cosine and sine of one, two and three times the angle of a row within a transform of `length` points. */
  #turns(row: number, length: number): readonly [number, number, number, number, number, number] {
    const step = ((row % length) * this.side) / length;
    const at = (turn: number) => [this.#cos[turn * step]!, this.#sin[turn * step]!] as const;
    return [...at(1), ...at(2), ...at(3)];
  }

  /** Transforms of two points, in both directions: each row and the next. */
  #sumsAndDifferences({ re, im }: ComplexGrid): void {
    const { side } = this;
    for (let top = 0; top < side; top += 2)
      for (let a = top * side, b = a + side; a < (top + 1) * side; a++, b++) {
        const differenceRe = re[a]! - re[b]!;
        const differenceIm = im[a]! - im[b]!;
        re[a]! += re[b]!;
        im[a]! += im[b]!;
        re[b] = differenceRe;
        im[b] = differenceIm;
      }
  }

  /** Block by block, so that rows written to stay in the cache. */
  #transpose({ re, im }: ComplexGrid): void {
    const { side } = this;
    for (let top = 0; top < side; top += BLOCK)
      for (let left = top; left < side; left += BLOCK)
        for (let row = top; row < Math.min(top + BLOCK, side); row++)
          for (let column = Math.max(left, row + 1); column < Math.min(left + BLOCK, side); column++) {
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

/** Side of the blocks that are transposed at a time. */
const BLOCK = 16;
