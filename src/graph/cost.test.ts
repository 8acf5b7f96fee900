import { describe, expect, it } from 'vitest';
import { graphFlops } from './cost.ts';
import { attention, conv, convAttributes, gemm, input, makeValue, matmul } from './ops.ts';

const product = (extents: readonly number[]): number => extents.reduce((count, extent) => count * extent, 1);

/** Calls `visit` for every combination of indices. */
function forEach(extents: readonly number[], visit: (indices: readonly number[]) => void): void {
  for (let at = 0; at < product(extents); at++) {
    let rest = at;
    visit(
      extents.map((extent) => {
        const index = rest % extent;
        rest = Math.floor(rest / extent);
        return index;
      }),
    );
  }
}

describe('graphFlops', () => {
  it('counts a multiplication and an addition for each product of a transposed convolution', () => {
    const [batch, channels, outputs, groups, height, width, kernel] = [2, 4, 6, 2, 3, 5, 3];
    // By the definition: every input value is multiplied by every weight of its group's kernels and added to the output.
    let products = 0;
    forEach([batch, groups, channels / groups, height, width, outputs / groups, kernel, kernel], () => {
      products++;
    });
    const x = input('x', [batch, channels, height, width]);
    const w = input('w', [channels, outputs / groups, kernel, kernel]);
    for (const stride of [1, 2]) {
      const attributes = { ...convAttributes(2, { stride, groups }), outputPadding: [0, 0] };
      expect(graphFlops([makeValue('ConvTranspose', [x, w], attributes)])).toBe(2 * products);
    }
  });

  it('counts a convolution and its transpose alike, as they are the same products', () => {
    const [x, w] = [input('x', [1, 6, 9, 7]), input('w', [8, 3, 3, 3])];
    const y = conv(x, w, undefined, { stride: 2, groups: 2 });
    const attributes = { ...convAttributes(2, { stride: 2, groups: 2 }), outputPadding: [0, 0] };
    const back = makeValue('ConvTranspose', [input('dy', y.shape), w], attributes);
    expect(back.shape).toEqual(x.shape);
    expect(graphFlops([back])).toBe(graphFlops([y]));
  });

  it.each([1, 2, 4])('counts attention of %d heads as its two matrix products', (heads) => {
    const [batch, queries, keys, width, valueWidth] = [2, 7, 5, 8, 12];
    const q = input('q', [batch, queries, width]);
    const k = input('k', [batch, keys, width]);
    const v = input('v', [batch, keys, valueWidth]);
    const scores = matmul(
      input('qh', [batch, heads, queries, width / heads]),
      input('kh', [batch, heads, width / heads, keys]),
    );
    const mixed = matmul(
      input('p', [batch, heads, queries, keys]),
      input('vh', [batch, heads, keys, valueWidth / heads]),
    );
    expect(graphFlops([attention(q, k, v, heads)])).toBe(graphFlops([scores]) + graphFlops([mixed]));
  });

  it('counts what is summed in a product, whichever way its factors lie', () => {
    const [m, k, n] = [3, 5, 7];
    for (const transA of [false, true]) {
      const a = input('a', transA ? [k, m] : [m, k]);
      expect(graphFlops([gemm(a, input('b', [k, n]), undefined, { transA })])).toBe(2 * m * k * n);
    }
  });

  it('counts a value once, however often it is used', () => {
    const y = matmul(input('a', [4, 4]), input('b', [4, 4]));
    expect(graphFlops([y, y])).toBe(graphFlops([y]));
  });
});
