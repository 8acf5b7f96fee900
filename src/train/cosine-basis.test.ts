import { describe, expect, it } from 'vitest';
import { fillCosineAnalysis, fillCosineSynthesis } from './cosine-basis.ts';

const side = 8;
const depth = 3 * side * side;

function bases(channels: number): { analysis: Float32Array; synthesis: Float32Array } {
  const analysis = new Float32Array(channels * depth);
  const synthesis = new Float32Array(depth * channels);
  fillCosineAnalysis(analysis, [channels, depth, 1, 1]);
  fillCosineSynthesis(synthesis, [depth, channels, 1, 1]);
  return { analysis, synthesis };
}

/** The patch that a patch's coefficients give. */
function throughBasis(patch: readonly number[], channels: number): number[] {
  const { analysis, synthesis } = bases(channels);
  const coefficients = Array.from({ length: channels }, (_, k) =>
    patch.reduce((sum, value, i) => sum + value * analysis[k * depth + i]!, 0),
  );
  return patch.map((_, i) =>
    coefficients.reduce((sum, value, k) => sum + value * synthesis[i * channels + k]!, 0),
  );
}

const patchOf = (value: (color: number, row: number, column: number) => number): number[] =>
  Array.from({ length: depth }, (_, i) =>
    value(Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side),
  );
const power = (values: readonly number[]): number => values.reduce((sum, v) => sum + v * v, 0);
const largestError = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('the cosine basis', () => {
  it('gives any patch back when it has all frequencies', () => {
    const patch = patchOf((color, row, column) => Math.sin(color + 3.1 * row + 1.7 * column * row));
    // Sums of 192 products of float32 numbers.
    expect(largestError(throughBasis(patch, depth), patch)).toBeLessThan(1e-4);
  });

  it('keeps flat colours with three channels, and slopes with a few more', () => {
    const flat = patchOf((color) => [0.3, -0.8, 0.5][color]!);
    expect(largestError(throughBasis(flat, 16), flat)).toBeLessThan(1e-5);
    const slope = patchOf((_, row) => (row - 3.5) / 8);
    // A ramp's frequencies above 3 hold a thousandth of its power.
    const rest = throughBasis(slope, 16).map((value, i) => value - slope[i]!);
    expect(power(rest) / power(slope)).toBeCloseTo(0.001, 3);
  });

  it('drops the finest checks first', () => {
    const checks = patchOf((_, row, column) => ((row + column) % 2 ? 1 : -1));
    expect(power(throughBasis(checks, 16)) / power(checks)).toBeLessThan(0.01);
  });

  it('refuses more frequencies than a patch has', () => {
    expect(() => fillCosineAnalysis(new Float32Array(13 * 12), [13, 12, 1, 1])).toThrow(
      'Patches of 2×2 pixels have no 13 frequencies',
    );
  });
});
