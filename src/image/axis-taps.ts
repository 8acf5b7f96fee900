/** Linear maps along one axis of an array, as a few weighted source positions for every output position. */

import { mirror } from './mirror.ts';

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
 * Taps that correlate an axis with a filter, the border mirrored about the outermost position.
 * @param weights an odd number; the one in the middle is for the position itself
 */
export function filterTaps(length: number, weights: Float64Array): AxisTaps {
  const radius = (weights.length - 1) / 2;
  const taps = emptyTaps(length, weights.length);
  for (let i = 0; i < length; i++) {
    for (let k = 0; k < weights.length; k++)
      taps.source[i * weights.length + k] = mirror(i + k - radius, length);
    taps.weight.set(weights, i * weights.length);
  }
  return taps;
}

/** Taps that do at once what `first` and then `second` do; each source of an output comes once. */
export function composeTaps(first: AxisTaps, second: AxisTaps): AxisTaps {
  const outputs = Array.from({ length: second.length }, (_, i) => {
    const weights = new Map<number, number>();
    for (let k = i * second.tapCount; k < (i + 1) * second.tapCount; k++) {
      if (second.weight[k] === 0) continue;
      const start = second.source[k]! * first.tapCount;
      for (let l = start; l < start + first.tapCount; l++) {
        const source = first.source[l]!;
        weights.set(source, (weights.get(source) ?? 0) + second.weight[k]! * first.weight[l]!);
      }
    }
    return weights;
  });
  const taps = emptyTaps(second.length, Math.max(...outputs.map(({ size }) => size)));
  for (const [i, weights] of outputs.entries()) {
    taps.source.set([...weights.keys()], i * taps.tapCount);
    taps.weight.set([...weights.values()], i * taps.tapCount);
  }
  return taps;
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
  const apply = inner < WIDE ? applyToFew : applyToMany;
  const output = new Float32Array(outer * taps.length * inner);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < taps.length; i++)
      apply(output, (o * taps.length + i) * inner, input, o * axisLength * inner, taps, i, inner);
  return output;
}

/** From so many values side by side on, whole rows are added up rather than value by value. */
const WIDE = 16;

/** Output `i` of `taps`, of `inner` values from `to` on. */
type ApplyTap = (
  output: Float32Array,
  to: number,
  input: Float32Array,
  from: number,
  taps: AxisTaps,
  i: number,
  inner: number,
) => void;

const applyToFew: ApplyTap = (output, to, input, from, { tapCount, source, weight }, i, inner) => {
  const first = i * tapCount;
  for (let n = 0; n < inner; n++) {
    let sum = 0;
    for (let k = first; k < first + tapCount; k++) sum += weight[k]! * input[from + source[k]! * inner + n]!;
    output[to + n] = sum;
  }
};

const applyToMany: ApplyTap = (output, to, input, from, { tapCount, source, weight }, i, inner) => {
  const sums = new Float64Array(inner);
  const end = (i + 1) * tapCount;
  // Two at a time: sums are read and written half as often.
  for (let k = i * tapCount; k < end; k += 2) {
    const last = k + 1 === end;
    const [w, v] = [weight[k]!, last ? 0 : weight[k + 1]!];
    const [a, b] = [from + source[k]! * inner, from + source[last ? k : k + 1]! * inner];
    for (let n = 0; n < inner; n++) sums[n]! += w * input[a + n]! + v * input[b + n]!;
  }
  output.set(sums, to);
};
