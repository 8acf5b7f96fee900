/** The resampling kernels: which input positions make each output position, and with what weights. */

import { type AxisTaps, emptyTaps } from './axis-taps.ts';

/**
 * - `nearest`: the input at floor(i·in/out).
 * - `bilinear`: two taps around the pixel centre, edge replicated, no antialiasing (OpenCV INTER_LINEAR).
 * - `area`: average over the exact, fractional cover of each output pixel; shrinks only (OpenCV INTER_AREA).
 * - `bicubic`: four taps of the cubic kernel with a = -0.75, edge replicated, no antialiasing.
 * - `lanczos`: three lobes, widened when shrinking (antialiased), taps beyond the edge left out.
 */
export type ResizeMethod = 'nearest' | 'bilinear' | 'area' | 'bicubic' | 'lanczos';

/**
 * Taps that resample an axis of `from` positions to `to` positions.
 * @throws {RangeError} if `area` would enlarge the axis
 */
export function resizeTaps(from: number, to: number, method: ResizeMethod): AxisTaps {
  return TAPS[method](from, to);
}

const TAPS: { readonly [M in ResizeMethod]: (from: number, to: number) => AxisTaps } = {
  nearest: nearestTaps,
  bilinear: (from, to) => interpolationTaps(from, to, 2, (t) => [1 - t, t]),
  area: areaTaps,
  bicubic: (from, to) => interpolationTaps(from, to, 4, cubicWeights),
  lanczos: lanczosTaps,
};

function nearestTaps(from: number, to: number): AxisTaps {
  const taps = emptyTaps(to, 1);
  for (let i = 0; i < to; i++) {
    taps.source[i] = Math.min(from - 1, Math.floor((i * from) / to));
    taps.weight[i] = 1;
  }
  return taps;
}

/** Taps at whole positions around the pixel centre (i + 1/2)·from/to - 1/2, replicated beyond the edges. */
function interpolationTaps(
  from: number,
  to: number,
  tapCount: number,
  weights: (fraction: number) => readonly number[],
): AxisTaps {
  const taps = emptyTaps(to, tapCount);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const left = Math.floor(centre);
    const values = weights(centre - left);
    for (let k = 0; k < tapCount; k++) {
      const position = left + k - (tapCount / 2 - 1);
      taps.source[i * tapCount + k] = Math.min(from - 1, Math.max(0, position));
      taps.weight[i * tapCount + k] = values[k]!;
    }
  }
  return taps;
}

/** Keys' cubic convolution with a = -0.75 at distances 1 + t, t, 1 - t, 2 - t. */
function cubicWeights(t: number): readonly number[] {
  const a = -0.75;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

function areaTaps(from: number, to: number): AxisTaps {
  if (to > from)
    throw new RangeError(
      `Cannot resize from ${from} to ${to} by area: it only shrinks; use bilinear to enlarge`,
    );
  const scale = from / to;
  const tapCount = Math.min(from, Math.ceil(scale) + 1);
  const taps = emptyTaps(to, tapCount);
  for (let i = 0; i < to; i++) {
    const start = (i * from) / to;
    const end = ((i + 1) * from) / to;
    const first = Math.min(Math.floor(start), from - tapCount);
    for (let k = 0; k < tapCount; k++) {
      const position = first + k;
      const cover = Math.min(end, position + 1) - Math.max(start, position);
      taps.source[i * tapCount + k] = position;
      taps.weight[i * tapCount + k] = Math.max(0, cover) / scale;
    }
  }
  return taps;
}

const LANCZOS_LOBES = 3;

function lanczosTaps(from: number, to: number): AxisTaps {
  const scale = Math.max(1, from / to);
  const support = LANCZOS_LOBES * scale;
  const tapCount = Math.min(from, Math.ceil(2 * support) + 1);
  const taps = emptyTaps(to, tapCount);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const first = Math.min(Math.max(0, Math.ceil(centre - support)), from - tapCount);
    const at = i * tapCount;
    let total = 0;
    for (let k = 0; k < tapCount; k++) {
      const value = lanczos((first + k - centre) / scale);
      taps.source[at + k] = first + k;
      taps.weight[at + k] = value;
      total += value;
    }
    for (let k = 0; k < tapCount; k++) taps.weight[at + k]! /= total;
  }
  return taps;
}

function lanczos(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= LANCZOS_LOBES) return 0;
  const angle = Math.PI * x;
  return (LANCZOS_LOBES * Math.sin(angle) * Math.sin(angle / LANCZOS_LOBES)) / (angle * angle);
}
