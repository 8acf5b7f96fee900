import { describe, expect, it } from 'vitest';
import { inferRules } from './infer.ts';
import * as ops from './ops.ts';
import { convWeightGradient } from './passes/conv-weight-gradient.ts';
import type { OpAttributes, OpType, Shape, Value } from './value.ts';

const x = (...shape: number[]): Value => ops.input(`x${shape}`, shape);

/** The message that building gives, which must be a RangeError. */
function messageOf(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

const convTransposed = (w: Shape, groups: number) => (): Value =>
  ops.makeValue('ConvTranspose', [x(1, 4, 3, 3), x(...w)], {
    ...ops.convAttributes(2, { groups }),
    outputPadding: [0, 0],
  });

const gradientOf = (dy: Shape) => (): Value =>
  convWeightGradient(x(1, 4, 5, 5), x(...dy), { ...ops.convAttributes(2, { padding: 1 }), kernel: [3, 3] });

const pooling = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] };

describe('shape inference says what does not fit', () => {
  it.each<[what: string, build: () => unknown, message: string]>([
    ['broadcasting', () => ops.add(x(2, 3), x(4)), 'Cannot broadcast [2, 3] with [4]: 3 and 4 differ'],
    ['product depths', () => ops.matmul(x(2, 3), x(4, 5)), 'Cannot multiply (MatMul) [2, 3] with [4, 5]'],
    [
      'transposed product depths',
      () => ops.matmul(x(2, 3), x(3, 5), { transB: true }),
      'Cannot multiply (MatMul) [2, 3] with [3, 5]ᵀ',
    ],
    ['a vector in a product', () => ops.matmul(x(3), x(3, 5)), 'Cannot multiply (MatMul) [3] with [3, 5]'],
    [
      'product batches',
      () => ops.matmul(x(2, 3, 4), x(3, 4, 5)),
      'Cannot broadcast [2] with [3]: 2 and 3 differ',
    ],
    [
      'a batched Gemm',
      () => ops.gemm(x(1, 2, 3), x(3, 4)),
      'Gemm multiplies matrices, got [1, 2, 3] and [3, 4]',
    ],
    ['a Gemm bias', () => ops.gemm(x(2, 3), x(3, 4), x(5)), 'Cannot add a bias of [5] to rows of 4'],
    [
      'convolution ranks',
      () => ops.conv(x(1, 2, 5), x(3, 2, 3, 3)),
      'Cannot convolve [1, 2, 5] with [3, 2, 3, 3]: ranks do not fit',
    ],
    [
      'convolution channels',
      () => ops.conv(x(1, 2, 5, 5), x(3, 4, 3, 3)),
      'Cannot convolve [1, 2, 5, 5] with [3, 4, 3, 3] in 1 groups: channels do not fit',
    ],
    [
      'convolution groups',
      () => ops.conv(x(1, 4, 5, 5), x(3, 2, 3, 3), undefined, { groups: 2 }),
      'Cannot convolve [1, 4, 5, 5] with [3, 2, 3, 3] in 2 groups: channels do not fit',
    ],
    [
      'a convolution bias',
      () => ops.conv(x(1, 2, 5, 5), x(3, 2, 3, 3), x(4)),
      'Cannot add a bias of [4] to 3 channels',
    ],
    [
      'a window larger than its image',
      () => ops.conv(x(1, 2, 5, 2), x(3, 2, 3, 3)),
      'Cannot slide a window of 3 over an axis of 2 with padding 0',
    ],
    [
      'transposed convolution channels',
      convTransposed([3, 2, 2, 2], 1),
      'Cannot transpose-convolve [1, 4, 3, 3] with [3, 2, 2, 2] in 1 groups: ranks or channels do not fit',
    ],
    [
      'transposed convolution groups',
      convTransposed([4, 2, 2, 2], 3),
      'Cannot transpose-convolve [1, 4, 3, 3] with [4, 2, 2, 2] in 3 groups: ranks or channels do not fit',
    ],
    [
      'transposed convolution ranks',
      convTransposed([4, 2, 2], 1),
      'Cannot transpose-convolve [1, 4, 3, 3] with [4, 2, 2] in 1 groups: ranks or channels do not fit',
    ],
    [
      'the gradient of a convolution',
      gradientOf([1, 2, 4, 5]),
      'Cannot take a weight gradient: the convolution gives [1, 2, 5, 5], its gradient is [1, 2, 4, 5]',
    ],
    [
      'Winograd tiles',
      () => ops.makeValue('WinogradProduct', [x(36, 4, 3), x(4, 36, 5)], {}),
      'Cannot multiply Winograd tiles [36, 4, 3] and [4, 36, 5]',
    ],
    [
      "Winograd tiles of a kernel's gradient",
      () => ops.makeValue('WinogradKernelProduct', [x(4, 36, 5), x(3, 36, 6)], {}),
      'Cannot multiply Winograd tiles [4, 36, 5] and [3, 36, 6]',
    ],
    [
      'attention heads',
      () => ops.attention(x(1, 5, 8), x(1, 4, 8), x(1, 4, 8), 3),
      'Cannot attend with 3 heads from [1, 5, 8] to [1, 4, 8] and [1, 4, 8]',
    ],
    [
      'attention lengths',
      () => ops.attention(x(1, 5, 8), x(1, 4, 8), x(1, 3, 8), 2),
      'Cannot attend with 2 heads from [1, 5, 8] to [1, 4, 8] and [1, 3, 8]',
    ],
    [
      'a layer normalisation gain',
      () => ops.layerNormalization(x(2, 3), x(2), x(3), 1e-5),
      'LayerNormalization over 3 channels cannot use a gain or bias of [2]',
    ],
    [
      'a group normalisation bias',
      () => ops.groupNormalization(x(1, 4, 2, 2), x(4), x(2), 2, 1e-5),
      'GroupNormalization over 4 channels cannot use a gain or bias of [2]',
    ],
    [
      'channel groups',
      () => ops.groupNormalization(x(1, 4, 2, 2), x(4), x(4), 3, 1e-5),
      'Cannot normalise 4 channels in 3 groups: not a multiple',
    ],
    ['a reduced axis', () => ops.reduceSum(x(2, 3), [2]), 'Cannot reduce axis 2 of [2, 3]'],
    [
      'a pooling window',
      () => ops.maxPool(x(1, 2, 8), pooling),
      'Cannot pool [1, 2, 8] with a window of [2, 2]: ranks do not fit',
    ],
    [
      'a pooling image',
      () => ops.averagePool(x(1, 2, 1, 4), pooling),
      'Cannot slide a window of 2 over an axis of 1 with padding 0',
    ],
    [
      'element counts',
      () => ops.reshape(x(2, 3), [4]),
      'Cannot reshape [2, 3] to [4]: element counts 6 and 4 differ',
    ],
    [
      'what is left of a reshape',
      () => ops.reshape(x(2, 3), [4, -1]),
      'Cannot reshape [2, 3] to [4, 1.5]: extents must be whole numbers',
    ],
    [
      'a permutation',
      () => ops.transpose(x(2, 3), [1, 1]),
      'Cannot transpose [2, 3] by [1, 1]: not a permutation',
    ],
    [
      'joined parts',
      () => ops.concat([x(2, 3), x(2, 4)], 0),
      'Cannot concatenate [2, 3], [2, 4] along axis 0: other axes differ',
    ],
    [
      'the axis of joined parts',
      () => ops.concat([x(2, 3), x(2, 3)], 2),
      'Cannot concatenate [2, 3], [2, 3] along axis 2',
    ],
    ['the end of a slice', () => ops.slice(x(2, 3), 1, 0, 4), 'Cannot slice 0:4:1 of axis 1 of [2, 3]'],
    ['an empty slice', () => ops.slice(x(2, 3), 1, 2, 2), 'Cannot slice 2:2:1 of axis 1 of [2, 3]'],
    ['the axis of a slice', () => ops.slice(x(2, 3), 2, 0, 1), 'Cannot slice 0:1:1 of axis 2 of [2, 3]'],
    ['unequal parts', () => ops.split(x(2, 3), 1, 2), 'Cannot slice 0:1.5:1 of axis 1 of [2, 3]'],
    ['paddings', () => ops.pad(x(2, 3), [1, 1]), 'Cannot pad [2, 3] by 2 numbers: two an axis are needed'],
    [
      'an expansion',
      () => ops.expand(x(2, 3), [2, 4]),
      'Cannot broadcast [2, 3] with [2, 4]: 3 and 4 differ',
    ],
    ['a shrinking expansion', () => ops.expand(x(2, 3), [1, 3]), 'Cannot expand [2, 3] to [1, 3]'],
    [
      'resized ranks',
      () => ops.makeValue('ResizeNearest', [x(1, 2, 3, 4)], { shape: [6, 8] }),
      'Cannot resize [1, 2, 3, 4] to [6, 8]: ranks differ',
    ],
    [
      'the elements of a constant',
      () => ops.constant([2, 2], [1, 2, 3]),
      'Cannot make a tensor of shape [2, 2]: it has 4 elements, the data 3',
    ],
  ])('of %s', (_, build, message) => {
    expect(messageOf(build)).toBe(message);
  });

  it('and how many inputs an operation takes', () => {
    const infer = <K extends OpType>(op: K, inputs: Shape[], attributes: OpAttributes[K]) =>
      inferRules[op](inputs, attributes);
    expect(() => infer('Conv', [[1, 2, 3]], ops.convAttributes(1, {}))).toThrow(
      new TypeError('Conv takes 2 to 3 inputs, got 1'),
    );
    expect(() => infer('Attention', [[1, 2, 4]], { heads: 1, scale: 1 })).toThrow(
      new TypeError('Attention takes 3 inputs, got 1'),
    );
    expect(() => infer('Input', [], { name: 'x' })).toThrow(
      new TypeError('Input has no inputs to infer a shape from'),
    );
  });
});
