/** Gaussian blur, separably, with the border mirrored about the outermost pixel. */

import { gaussianWeights } from './gaussian-kernel.ts';
import { mirror } from './mirror.ts';
import { createPixels, type FloatPixels, type Pixels } from './pixels.ts';

/**
 * Blurs each channel with `size` Gaussian taps along each axis, as OpenCV's `GaussianBlur` does on float32. Where the
 * image is constant as far as the taps reach, as most of a mask is, they are not summed up again.
 * @param size odd
 * @param sigma in pixels; by default what OpenCV derives from the size
 * @throws {RangeError} if the size is not odd, or sigma not positive
 */
export function gaussianBlur(pixels: Pixels, size: number, sigma = sigmaOfSize(size)): FloatPixels {
  const { width, height, channels, data } = pixels;
  const radius = (size - 1) / 2;
  const taps = new Taps(gaussianWeights(size, sigma).subarray(radius), width * channels);

  const alongRows = new Float32Array(data.length);
  const line = new Float32Array((width + 2 * radius) * channels);
  for (let tap = 0; tap < size; tap++) taps.starts[tap] = tap * channels;
  for (let y = 0; y < height; y++) {
    for (let i = -radius; i < width + radius; i++) {
      const from = (y * width + mirror(i, width)) * channels;
      for (let c = 0; c < channels; c++) line[(i + radius) * channels + c] = data[from + c]!;
    }
    markConstantWindows(line, channels, size, taps.constant);
    taps.sum(line, alongRows, y * width * channels);
  }

  const blurred = new Float32Array(data.length);
  const columns = new ColumnRuns(alongRows, width * channels);
  for (let y = 0; y < height; y++) {
    for (let tap = 0; tap < size; tap++)
      taps.starts[tap] = mirror(y + tap - radius, height) * width * channels;
    columns.markConstant(Math.max(y - radius, 0), Math.min(y + radius, height - 1), taps.constant);
    taps.sum(alongRows, blurred, y * width * channels);
  }
  return createPixels(width, height, channels, blurred);
}

function sigmaOfSize(size: number): number {
  return 0.3 * ((size - 1) / 2 - 1) + 0.8;
}

/** Sums of weighted values for a row of results. */
class Taps {
  /** Where the values of each tap begin. */
  readonly starts: Int32Array;
  /** 1 for each result whose taps all meet the same value. */
  readonly constant: Uint8Array;
  /** From the centre outwards: taps at the same distance share one. */
  readonly #weights: Float64Array;
  readonly #sums: Float64Array;

  constructor(weights: Float64Array, rowLength: number) {
    this.#weights = weights;
    this.#sums = new Float64Array(rowLength);
    this.starts = new Int32Array(2 * weights.length - 1);
    this.constant = new Uint8Array(rowLength);
  }

  /** results[at + i] = Σ over the taps of weight · source[start + i] */
  sum(source: Float32Array, results: Float32Array, at: number): void {
    const { constant } = this;
    const centre = this.starts[this.#weights.length - 1]!;
    let value = Number.NaN;
    let constantSum = Number.NaN;
    for (let i = 0; i < constant.length; ) {
      if (constant[i] === 1) {
        if (source[centre + i] !== value) {
          value = source[centre + i]!;
          constantSum = this.#weights.reduce(
            (sum, weight, reach) => sum + weight * (reach === 0 ? value : value + value),
            0,
          );
        }
        results[at + i++] = constantSum;
        continue;
      }
      const from = i;
      while (i < constant.length && constant[i] === 0) i++;
      this.#sumSpan(source, from, i);
      for (let j = from; j < i; j++) results[at + j] = this.#sums[j]!;
    }
  }

  #sumSpan(source: Float32Array, from: number, to: number): void {
    const sums = this.#sums;
    const weights = this.#weights;
    const middle = weights.length - 1;
    const centre = this.starts[middle]!;
    for (let i = from; i < to; i++) sums[i] = weights[0]! * source[centre + i]!;
    for (let reach = 1; reach < weights.length; reach++) {
      const weight = weights[reach]!;
      const before = this.starts[middle - reach]!;
      const after = this.starts[middle + reach]!;
      for (let i = from; i < to; i++) sums[i]! += weight * (source[before + i]! + source[after + i]!);
    }
  }
}

/** Marks each position of a line from which on `size` pixels are the same; several channels are not looked at. */
function markConstantWindows(line: Float32Array, channels: number, size: number, marks: Uint8Array): void {
  if (channels > 1) return;
  let runStart = 0;
  for (let end = 1; end < line.length; end++) {
    if (line[end] !== line[end - 1]) runStart = end;
    const start = end - size + 1;
    if (start >= 0) marks[start] = runStart <= start ? 1 : 0;
  }
}

/** Since which row each column of an image has been the same, row after row. */
class ColumnRuns {
  readonly #data: Float32Array;
  readonly #starts: Int32Array;
  #seen = 1;

  constructor(data: Float32Array, rowLength: number) {
    this.#data = data;
    this.#starts = new Int32Array(rowLength);
  }

  /** Marks the columns that are constant from row `first` to row `last`, which never goes back. */
  markConstant(first: number, last: number, marks: Uint8Array): void {
    const data = this.#data;
    const starts = this.#starts;
    const rowLength = starts.length;
    for (; this.#seen <= last; this.#seen++) {
      const row = this.#seen * rowLength;
      for (let i = 0; i < rowLength; i++)
        if (data[row + i] !== data[row - rowLength + i]) starts[i] = this.#seen;
    }
    for (let i = 0; i < rowLength; i++) marks[i] = starts[i]! <= first ? 1 : 0;
  }
}
