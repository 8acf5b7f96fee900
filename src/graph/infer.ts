/**
 * Shape inference: for each operation, the output's shape from its inputs' shapes, or an error that shows them. Longer
 * than most files because it is one table, which the compiler holds to every operation.
 */
import { elementCount, formatShape, sameShape } from '../tensor/host-tensor.ts';
import type { ConvAttributes, OpAttributes, OpType, PoolAttributes, Shape } from './value.ts';

type InferRules = {
  readonly [K in OpType]: (inputs: readonly Shape[], attributes: OpAttributes[K]) => Shape;
};

/** The shape that two shapes broadcast to (NumPy's rule). */
function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new RangeError(`Cannot broadcast ${formatShape(a)} with ${formatShape(b)}: ${x} and ${y} differ`);
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** Number of inputs an operation takes. */
function arity(op: string, inputs: readonly Shape[], least: number, most = least): void {
  if (inputs.length < least || inputs.length > most)
    throw new TypeError(
      `${op} takes ${least === most ? least : `${least} to ${most}`} inputs, got ${inputs.length}`,
    );
}

const same = (inputs: readonly Shape[]): Shape => inputs[0]!;
const broadcast = (inputs: readonly Shape[]): Shape => broadcastShapes(inputs[0]!, inputs[1]!);

/** Output extent of a window that slides over a padded axis. */
function windowCount(extent: number, kernel: number, stride: number, pad: number, dilation: number): number {
  return Math.floor((extent + pad - dilation * (kernel - 1) - 1) / stride) + 1;
}

function spatialWindows(
  spatial: Shape,
  kernel: readonly number[],
  { strides, pads, dilations }: Omit<ConvAttributes, 'groups'>,
): number[] {
  return spatial.map((extent, i) => {
    const pad = pads[i]! + pads[i + spatial.length]!;
    const count = windowCount(extent, kernel[i]!, strides[i]!, pad, dilations[i]!);
    if (!(count >= 1))
      throw new RangeError(
        `Cannot slide a window of ${kernel[i]} over an axis of ${extent} with padding ${pad}`,
      );
    return count;
  });
}

function convShape(inputs: readonly Shape[], attributes: ConvAttributes): Shape {
  arity('Conv', inputs, 2, 3);
  const [x, w, bias] = inputs as [Shape, Shape, Shape?];
  const [batch, channels, ...spatial] = x as [number, number, ...number[]];
  const [outChannels, groupChannels, ...kernel] = w as [number, number, ...number[]];
  if (spatial.length !== kernel.length || spatial.length < 1 || spatial.length > 2)
    throw new RangeError(`Cannot convolve ${formatShape(x)} with ${formatShape(w)}: ranks do not fit`);
  if (channels !== groupChannels * attributes.groups || outChannels % attributes.groups !== 0)
    throw new RangeError(
      `Cannot convolve ${formatShape(x)} with ${formatShape(w)} in ${attributes.groups} groups: channels do not fit`,
    );
  if (bias && !sameShape(bias, [outChannels]))
    throw new RangeError(`Cannot add a bias of ${formatShape(bias)} to ${outChannels} channels`);
  return [batch, outChannels, ...spatialWindows(spatial, kernel, attributes)];
}

function poolShape(inputs: readonly Shape[], attributes: PoolAttributes): Shape {
  const [batch, channels, ...spatial] = inputs[0] as [number, number, ...number[]];
  if (spatial.length !== attributes.kernel.length)
    throw new RangeError(
      `Cannot pool ${formatShape(inputs[0]!)} with a window of ${formatShape(attributes.kernel)}: ranks do not fit`,
    );
  const dilations = spatial.map(() => 1);
  return [
    batch,
    channels,
    ...spatialWindows(spatial, attributes.kernel, {
      strides: attributes.strides,
      pads: attributes.pads,
      dilations,
    }),
  ];
}

function checkAffine(op: string, inputs: readonly Shape[], channels: number): void {
  arity(op, inputs, 3);
  for (const affine of inputs.slice(1))
    if (!sameShape(affine, [channels]))
      throw new RangeError(
        `${op} over ${channels} channels cannot use a gain or bias of ${formatShape(affine)}`,
      );
}

function matrix(shape: Shape, transposed: boolean): [number, number] {
  const rows = shape[shape.length - 2]!;
  const columns = shape[shape.length - 1]!;
  return transposed ? [columns, rows] : [rows, columns];
}

function productShape(
  op: string,
  [a, b]: readonly [Shape, Shape],
  { transA, transB }: OpAttributes['MatMul'],
): [number, number] {
  const [m, k] = matrix(a, transA);
  const [l, n] = matrix(b, transB);
  if (a.length < 2 || b.length < 2 || k !== l)
    throw new RangeError(
      `Cannot multiply (${op}) ${formatShape(a)}${transA ? 'ᵀ' : ''} with ${formatShape(b)}${transB ? 'ᵀ' : ''}`,
    );
  return [m, n];
}

function reduceShape(
  [x]: readonly Shape[],
  { axes, keepDims }: { axes: readonly number[]; keepDims: boolean },
): Shape {
  for (const axis of axes)
    if (!(axis >= 0 && axis < x!.length))
      throw new RangeError(`Cannot reduce axis ${axis} of ${formatShape(x!)}`);
  return x!.flatMap((extent, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [extent]));
}

const leaf = (op: string) => (): Shape => {
  throw new TypeError(`${op} has no inputs to infer a shape from`);
};

export const inferRules: InferRules = {
  Input: leaf('Input'),
  Parameter: leaf('Parameter'),
  Constant: leaf('Constant'),
  Neg: same,
  Abs: same,
  Sign: same,
  Sqrt: same,
  Reciprocal: same,
  Exp: same,
  Log: same,
  Erf: same,
  Sigmoid: same,
  Tanh: same,
  Relu: same,
  LeakyRelu: same,
  Clip: same,
  Silu: same,
  Gelu: same,
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Div: broadcast,

  MatMul(inputs, attributes) {
    arity('MatMul', inputs, 2);
    const [a, b] = inputs as [Shape, Shape];
    const [m, n] = productShape('MatMul', [a, b], attributes);
    return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2)), m, n];
  },

  Gemm(inputs, attributes) {
    arity('Gemm', inputs, 2, 3);
    const [a, b, bias] = inputs as [Shape, Shape, Shape?];
    const [m, n] = productShape('Gemm', [a, b], attributes);
    if (a.length !== 2 || b.length !== 2)
      throw new RangeError(`Gemm multiplies matrices, got ${formatShape(a)} and ${formatShape(b)}`);
    if (bias && !sameShape(bias, [n]))
      throw new RangeError(`Cannot add a bias of ${formatShape(bias)} to rows of ${n}`);
    return [m, n];
  },

  Conv: convShape,

  ConvTranspose(inputs, { strides, pads, dilations, groups, outputPadding }) {
    arity('ConvTranspose', inputs, 2);
    const [x, w] = inputs as [Shape, Shape];
    const [batch, channels, ...spatial] = x as [number, number, ...number[]];
    const [inChannels, groupOut, ...kernel] = w as [number, number, ...number[]];
    if (spatial.length !== kernel.length || channels !== inChannels || channels % groups !== 0)
      throw new RangeError(
        `Cannot transpose-convolve ${formatShape(x)} with ${formatShape(w)} in ${groups} groups: ranks or channels do not fit`,
      );
    const size = spatial.map(
      (extent, i) =>
        strides[i]! * (extent - 1) +
        outputPadding[i]! +
        (kernel[i]! - 1) * dilations[i]! +
        1 -
        pads[i]! -
        pads[i + spatial.length]!,
    );
    return [batch, groupOut * groups, ...size];
  },

  ConvWeightGradient(inputs, attributes) {
    arity('ConvWeightGradient', inputs, 2);
    const [x, gradient] = inputs as [Shape, Shape];
    const weight = [gradient[1]!, x[1]! / attributes.groups, ...attributes.kernel];
    const expected = convShape([x, weight], attributes);
    if (!sameShape(expected, gradient))
      throw new RangeError(
        `Cannot take a weight gradient: the convolution gives ${formatShape(expected)}, its gradient is ${formatShape(gradient)}`,
      );
    return weight;
  },

  WinogradProduct(inputs) {
    arity('WinogradProduct', inputs, 2);
    const [u, v] = inputs as [Shape, Shape];
    if (u.length !== 3 || v.length !== 3 || u[0] !== v[1] || u[2] !== v[0])
      throw new RangeError(`Cannot multiply Winograd tiles ${formatShape(u)} and ${formatShape(v)}`);
    return [u[0]!, u[1]!, v[2]!];
  },

  WinogradKernelProduct(inputs) {
    arity('WinogradKernelProduct', inputs, 2);
    const [dy, x] = inputs as [Shape, Shape];
    if (dy.length !== 3 || x.length !== 3 || !sameShape(dy.slice(1), x.slice(1)))
      throw new RangeError(`Cannot multiply Winograd tiles ${formatShape(dy)} and ${formatShape(x)}`);
    return [dy[1]!, dy[0]!, x[0]!];
  },

  Attention(inputs, { heads }) {
    arity('Attention', inputs, 3);
    const [q, k, v] = inputs as [Shape, Shape, Shape];
    const fits =
      [q, k, v].every((s) => s.length === 3 && s[0] === q[0] && s[2]! % heads === 0) &&
      q[2] === k[2] &&
      k[1] === v[1];
    if (!fits)
      throw new RangeError(
        `Cannot attend with ${heads} heads from ${formatShape(q)} to ${formatShape(k)} and ${formatShape(v)}`,
      );
    return [q[0]!, q[1]!, v[2]!];
  },

  Softmax: same,

  LayerNormalization(inputs) {
    checkAffine('LayerNormalization', inputs, inputs[0]!.at(-1)!);
    return inputs[0]!;
  },

  GroupNormalization(inputs, { groups }) {
    const channels = inputs[0]![1]!;
    checkAffine('GroupNormalization', inputs, channels);
    if (channels % groups !== 0)
      throw new RangeError(`Cannot normalise ${channels} channels in ${groups} groups: not a multiple`);
    return inputs[0]!;
  },

  ReduceSum: reduceShape,
  ReduceMean: reduceShape,
  MaxPool: poolShape,
  AveragePool: poolShape,

  Reshape([x], { shape }) {
    if (!shape.every(Number.isInteger))
      throw new RangeError(
        `Cannot reshape ${formatShape(x!)} to ${formatShape(shape)}: extents must be whole numbers`,
      );
    if (elementCount(x!) !== elementCount(shape))
      throw new RangeError(
        `Cannot reshape ${formatShape(x!)} to ${formatShape(shape)}: element counts ${elementCount(x!)} and ${elementCount(shape)} differ`,
      );
    return shape;
  },

  Transpose([x], { perm }) {
    if (perm.length !== x!.length || [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i))
      throw new RangeError(`Cannot transpose ${formatShape(x!)} by ${formatShape(perm)}: not a permutation`);
    return perm.map((axis) => x![axis]!);
  },

  Concat(inputs, { axis }) {
    const first = inputs[0]!;
    if (!(axis >= 0 && axis < first.length))
      throw new RangeError(`Cannot concatenate ${inputs.map(formatShape).join(', ')} along axis ${axis}`);
    for (const shape of inputs)
      if (shape.length !== first.length || shape.some((extent, i) => i !== axis && extent !== first[i]))
        throw new RangeError(
          `Cannot concatenate ${inputs.map(formatShape).join(', ')} along axis ${axis}: other axes differ`,
        );
    const total = inputs.reduce((sum, shape) => sum + shape[axis]!, 0);
    return first.map((extent, i) => (i === axis ? total : extent));
  },

  Gather(inputs) {
    arity('Gather', inputs, 2);
    const [table, indices] = inputs as [Shape, Shape];
    if (table.length !== 2)
      throw new RangeError(`Cannot gather rows of ${formatShape(table)}: a table [V, C] is needed`);
    return [...indices, table[1]!];
  },

  Slice([x], { axis, start, end, step }) {
    const whole = [start, end, step].every(Number.isInteger);
    if (!(whole && start >= 0 && start < end && end <= x![axis]! && step >= 1))
      throw new RangeError(`Cannot slice ${start}:${end}:${step} of axis ${axis} of ${formatShape(x!)}`);
    return x!.map((extent, i) => (i === axis ? Math.ceil((end - start) / step) : extent));
  },

  Pad([x], { pads }) {
    if (pads.length !== 2 * x!.length)
      throw new RangeError(`Cannot pad ${formatShape(x!)} by ${pads.length} numbers: two an axis are needed`);
    return x!.map((extent, i) => extent + pads[i]! + pads[i + x!.length]!);
  },

  Expand([x], { shape }) {
    if (!sameShape(broadcastShapes(x!, shape), shape))
      throw new RangeError(`Cannot expand ${formatShape(x!)} to ${formatShape(shape)}`);
    return shape;
  },

  ResizeNearest([x], { shape }) {
    if (x!.length !== shape.length)
      throw new RangeError(`Cannot resize ${formatShape(x!)} to ${formatShape(shape)}: ranks differ`);
    return shape;
  },
};
