/**
 * The lowest frequencies of square RGB patches: a linear autoencoder that needs no training.
 * @see Ahmed, Natarajan & Rao 1974, "Discrete cosine transform"
 */
import type { Shape } from '../graph/value.ts';

/** Orthonormal colours, brightness first, and about how much less they vary in photographs. */
const colours = [
  { rgb: [1, 1, 1], deviation: 1 },
  { rgb: [1, 0, -1], deviation: 0.3 },
  { rgb: [1, -2, 1], deviation: 0.12 },
].map(({ rgb, deviation }) => ({ rgb: rgb.map((v) => v / Math.hypot(...rgb)), deviation }));

interface Wave {
  /** [3 · side · side]: colour, row, column; of length 1 */
  readonly values: Float32Array;
  /** about the standard deviation of its coefficient in photographs whose values are -1..1 */
  readonly deviation: number;
}

/** The `count` waves that vary most in photographs. */
function strongestWaves(side: number, count: number): Wave[] {
  if (count > 3 * side * side)
    throw new RangeError(`Patches of ${side}×${side} pixels have no ${count} frequencies`);
  const specs = colours.flatMap(({ rgb, deviation }) =>
    Array.from({ length: side * side }, (_, i) => {
      const [row, column] = [Math.floor(i / side), i % side];
      // Amplitudes of photographs fall with the frequency.
      const falling = (0.75 * side) / (1 + 5 * Math.hypot(row, column));
      return { rgb, row, column, deviation: deviation * falling };
    }),
  );
  specs.sort((a, b) => b.deviation - a.deviation);
  return specs.slice(0, count).map(({ rgb, row, column, deviation }) => {
    const [down, across] = [cosine(side, row), cosine(side, column)];
    const values = rgb.flatMap((c) => down.flatMap((y) => across.map((x) => c * y * x)));
    return { values: Float32Array.from(values), deviation };
  });
}

function cosine(side: number, frequency: number): number[] {
  const norm = Math.sqrt((frequency === 0 ? 1 : 2) / side);
  return Array.from(
    { length: side },
    (_, x) => norm * Math.cos(((2 * x + 1) * frequency * Math.PI) / (2 * side)),
  );
}

const sideOf = (depth: number): number => Math.sqrt(depth / 3);

/** @param data filled; shape [channels, 3·side², 1, 1]: patches to coefficients of variance about 1 */
export function fillCosineAnalysis(data: Float32Array, [channels, depth]: Shape): void {
  strongestWaves(sideOf(depth!), channels!).forEach(({ values, deviation }, k) => {
    values.forEach((value, i) => {
      data[k * depth! + i] = value / deviation;
    });
  });
}

/** @param data filled; shape [3·side², channels, 1, 1]: such coefficients to patches */
export function fillCosineSynthesis(data: Float32Array, [depth, channels]: Shape): void {
  strongestWaves(sideOf(depth!), channels!).forEach(({ values, deviation }, k) => {
    values.forEach((value, i) => {
      data[i * channels! + k] = value * deviation;
    });
  });
}
