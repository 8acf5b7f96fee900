/** Linear maps along one axis of an array, as a few weighted source positions for every output position. */

/**
 * Output i is the sum over k of weight[i·tapCount + k] times the input at source[i·tapCount + k].
 * Sources lie inside the axis: borders are already folded back into it.
 */
export interface AxisTaps {
  /** Output positions. */
  readonly length: number;
  readonly tapCount: number;
  readonly source: Int32Array;
  readonly weight: Float64Array;
}

/** Taps of `length` outputs with `tapCount` sources each, all zero. */
export function emptyTaps(length: number, tapCount: number): AxisTaps {
  const count = length * tapCount;
  return { length, tapCount, source: new Int32Array(count), weight: new Float64Array(count) };
}

/**
 * Applies taps along the middle axis of an array [outer, axis, inner]. Sums are in double precision.
 * @param axisLength extent of the input's middle axis
 * @returns [outer, taps.length, inner]
 */
export function applyTaps(
  input: Float32Array,
  taps: AxisTaps,
  outer: number,
  axisLength: number,
  inner: number,
): Float32Array {
  const { length, tapCount, source, weight } = taps;
  const output = new Float32Array(outer * length * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < length; i++) {
      const first = i * tapCount;
      const start = o * axisLength * inner;
      const to = (o * length + i) * inner;
      for (let n = 0; n < inner; n++) {
        let sum = 0;
        for (let k = first; k < first + tapCount; k++)
          sum += weight[k]! * input[start + source[k]! * inner + n]!;
        output[to + n] = sum;
      }
    }
  }
  return output;
}
