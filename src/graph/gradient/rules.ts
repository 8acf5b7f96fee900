/**
 * Reverse mode, operation by operation: from the gradient dy of a value to the gradients of its inputs. Rules are
 * written with the same builders as networks, so that gradients are graphs like any other. Longer than most files
 * because it is one table, which the compiler holds to every operation.
 */
import { elementCount } from '../../tensor/host-tensor.ts';
import { flipKernel } from '../flip-kernel.ts';
import {
  add,
  constant,
  conv,
  div,
  erf,
  exp,
  expand,
  gemm,
  makeValue,
  matmul,
  mul,
  neg,
  pad,
  reciprocal,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  scalar,
  sigmoid,
  sign,
  slice,
  softmax,
  sqrt,
  sub,
  transpose,
} from '../ops.ts';
import { convWeightGradient } from '../passes/conv-weight-gradient.ts';
import { isOp, type OpType, type Shape, type Value } from '../value.ts';
import { maxPoolGradient, resizeNearestGradient } from './sampling.ts';

/** One function an input; a function is called only if that input's gradient is wanted. */
type InputGradients = readonly (() => Value)[];

export type GradientRule<K extends OpType> =
  | ((value: Value<K>, dy: Value) => InputGradients)
  /** Why there is no gradient. */
  | string;

type GradientRules = { readonly [K in OpType]: GradientRule<K> };

const leaf = 'a leaf has no inputs';

/** Sums what broadcasting repeated: the gradient of a tensor of `shape` that was broadcast. */
function sumTo(dy: Value, shape: Shape): Value {
  const extra = dy.shape.length - shape.length;
  const axes = dy.shape.flatMap((extent, axis) =>
    axis < extra || (shape[axis - extra] === 1 && extent !== 1) ? [axis] : [],
  );
  return axes.length === 0 ? dy : reshape(reduceSum(dy, axes), shape);
}

const unary =
  (gradient: (x: Value, y: Value, dy: Value) => Value) =>
  (y: Value, dy: Value): InputGradients => [() => gradient(y.inputs[0]!, y, dy)];

function matmulGradient(y: Value<'MatMul' | 'Gemm'>, dy: Value): InputGradients {
  const [a, b] = y.inputs as [Value, Value];
  const { transA, transB } = y.attributes;
  const product = isOp(y, 'Gemm')
    ? (l: Value, r: Value, options: { transA: boolean; transB: boolean }) => gemm(l, r, undefined, options)
    : matmul;
  // Y = A'B' with A' and B' transposed as asked: dA' = dY·B'ᵀ, dB' = A'ᵀ·dY.
  const da = (): Value =>
    transA
      ? product(b, dy, { transA: transB, transB: true })
      : product(dy, b, { transA: false, transB: !transB });
  const db = (): Value =>
    transB
      ? product(dy, a, { transA: true, transB: transA })
      : product(a, dy, { transA: !transA, transB: false });
  return [() => sumTo(da(), a.shape), () => sumTo(db(), b.shape), () => reduceSum(dy, [0])];
}

/** All axes but the channels of [N, C, …]. */
const nonChannelAxes = ({ shape }: Value): number[] => shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));

function convInputGradient(y: Value<'Conv'>, dy: Value): Value {
  const [x, w] = y.inputs as [Value, Value];
  const { strides, pads, dilations, groups } = y.attributes;
  const kernel = w.shape.slice(2);
  const rank = kernel.length;
  const dense = groups === 1 && [...strides, ...dilations].every((one) => one === 1);
  const opposite = pads.map((p, i) => kernel[i % rank]! - 1 - p);
  // A convolution itself where it can be, since those have the fastest kernels.
  if (dense && opposite.every((p) => p >= 0))
    return conv(dy, flipKernel(w), undefined, { padding: opposite });
  const outputPadding = kernel.map((extent, i) => {
    const covered = strides[i]! * (dy.shape[i + 2]! - 1) + (extent - 1) * dilations[i]! + 1;
    return x.shape[i + 2]! - (covered - pads[i]! - pads[i + rank]!);
  });
  return makeValue('ConvTranspose', [dy, w], { ...y.attributes, outputPadding });
}

/** ∂/∂q, k and v of softmax(s·q·kᵀ)·v, with the probabilities computed again. */
function attentionGradient(y: Value<'Attention'>, dy: Value): InputGradients {
  const { heads, scale } = y.attributes;
  const [q, k, v] = y.inputs as [Value, Value, Value];
  const split = (x: Value): Value => {
    const [batch, tokens, channels] = x.shape as [number, number, number];
    return transpose(reshape(x, [batch, tokens, heads, channels / heads]), [0, 2, 1, 3]); // [B, heads, S, D]
  };
  const join = (x: Value, shape: Shape): Value => reshape(transpose(x, [0, 2, 1, 3]), shape);
  const [qh, kh, vh, dyh] = [q, k, v, dy].map(split) as [Value, Value, Value, Value];
  const p = softmax(mul(matmul(qh, kh, { transB: true }), scale)); // [B, heads, S, L]
  let scores: Value | undefined;
  const dScores = (): Value => {
    if (!scores) {
      const dp = matmul(dyh, vh, { transB: true });
      const weighted = mul(dp, p);
      const centre = reduceSum(weighted, [3], true);
      scores = mul(sub(weighted, mul(p, centre)), scale);
    }
    return scores;
  };
  return [
    () => join(matmul(dScores(), kh), q.shape),
    () => join(matmul(dScores(), qh, { transA: true }), k.shape),
    () => join(matmul(p, dyh, { transA: true }), v.shape),
  ];
}

/** Gradient of x̂ = (x − μ)·r over the last axis, where r = 1/√(σ² + ε): dx = r·(g − mean(g) − x̂·mean(g·x̂)). */
function standardise(x: Value, epsilon: number): { normal: Value; gradient: (g: Value) => Value } {
  const last = [x.shape.length - 1];
  const centred = sub(x, reduceMean(x, last, true));
  const variance = reduceMean(mul(centred, centred), last, true);
  const deviation = makeValue('Sqrt', [add(variance, epsilon)], {});
  const normal = div(centred, deviation);
  return {
    normal,
    gradient: (g) => {
      const projected = sub(
        sub(g, reduceMean(g, last, true)),
        mul(normal, reduceMean(mul(g, normal), last, true)),
      );
      return div(projected, deviation);
    },
  };
}

function layerNormalizationGradient(y: Value<'LayerNormalization'>, dy: Value): InputGradients {
  const [x, gain] = y.inputs as [Value, Value];
  const { normal, gradient } = standardise(x, y.attributes.epsilon);
  const leading = x.shape.slice(0, -1).map((_, axis) => axis);
  return [
    () => gradient(mul(dy, gain)),
    () => reduceSum(mul(dy, normal), leading),
    () => reduceSum(dy, leading),
  ];
}

/**
 * With x − μ kept and sums over positions taken as products of vectors, few passes over the image are needed:
 * dx = r·γ·dy − (x − μ)·r·m₂ − r·m₁, m₁ = mean(γ·dy), m₂ = r²·mean(γ·dy·(x − μ)), means over a group.
 */
function groupNormalizationGradient(y: Value<'GroupNormalization'>, dy: Value): InputGradients {
  const [x, gain] = y.inputs as [Value, Value];
  const { groups, epsilon } = y.attributes;
  const [batch, channels] = x.shape as [number, number];
  const grouped = [batch * groups, 1, -1];
  const planes = [batch * channels, 1, -1];
  const perGroup = [batch, groups, 1];
  const ofGroups = [batch, groups, channels / groups];
  const members = elementCount(x.shape) / batch / groups;
  const dot = (a: Value, b: Value): Value => matmul(a, b, { transB: true });

  const ungrouped = reshape(x, grouped);
  const centred = sub(ungrouped, reduceMean(ungrouped, [2], true));
  const variance = mul(dot(centred, centred), 1 / members);
  const r = reshape(reciprocal(sqrt(add(variance, epsilon))), perGroup);
  const sum = (): Value => reshape(reduceSum(reshape(dy, planes), [2]), ofGroups); // Σ dy, [N, G, C/G]
  const product = (): Value => reshape(dot(reshape(dy, planes), reshape(centred, planes)), ofGroups);
  const gains = reshape(gain, [1, groups, channels / groups]);
  const groupMean = (terms: Value): Value => mul(reduceSum(mul(terms, gains), [2], true), 1 / members);
  const toGains = (terms: Value): Value => reshape(reduceSum(terms, [0]), [channels]);
  return [
    () => {
      const scaled = mul(reshape(dy, planes), reshape(mul(r, gains), [batch * channels, 1, 1]));
      const m1 = groupMean(sum());
      const m2 = mul(groupMean(product()), mul(r, r));
      const centre = add(
        mul(centred, reshape(mul(r, m2), [batch * groups, 1, 1])),
        reshape(mul(r, m1), [batch * groups, 1, 1]),
      );
      return reshape(sub(reshape(scaled, grouped), centre), x.shape);
    },
    () => toGains(mul(product(), r)),
    () => toGains(sum()),
  ];
}

/** dy of a reduction, with the reduced axes back at extent one and repeated over `shape`. */
function spread(y: Value<'ReduceSum' | 'ReduceMean'>, dy: Value): Value {
  const { shape } = y.inputs[0]!;
  const kept = shape.map((extent, axis) => (y.attributes.axes.includes(axis) ? 1 : extent));
  return expand(reshape(dy, kept), shape);
}

/** Zeros around dy, with step − 1 zeros between its elements, so that it lies where a slice was taken. */
function sliceGradient(y: Value<'Slice'>, dy: Value): Value {
  const { axis, start, step } = y.attributes;
  const total = y.inputs[0]!.shape[axis]!;
  const padAxis = (x: Value, at: number, before: number, after: number): Value => {
    const pads = Array.from({ length: 2 * x.shape.length }, () => 0);
    pads[at] = before;
    pads[at + x.shape.length] = after;
    return before + after === 0 ? x : pad(x, pads);
  };
  let spaced = dy;
  if (step > 1) {
    const count = dy.shape[axis]!;
    const separate = reshape(dy, [...dy.shape.slice(0, axis + 1), 1, ...dy.shape.slice(axis + 1)]);
    const zeros = padAxis(separate, axis + 1, 0, step - 1);
    const flat = reshape(zeros, [...dy.shape.slice(0, axis), count * step, ...dy.shape.slice(axis + 1)]);
    spaced = slice(flat, axis, 0, (count - 1) * step + 1);
  }
  return padAxis(spaced, axis, start, total - start - spaced.shape[axis]!);
}

/** Pools over windows that do not overlap or run over an edge spread their gradient evenly. */
function averagePoolGradient(y: Value<'AveragePool'>, dy: Value): Value {
  const { kernel, strides, pads } = y.attributes;
  const x = y.inputs[0]!;
  if (pads.some((p) => p !== 0)) throw new RangeError('A padded AveragePool has no gradient here');
  const [, channels] = x.shape as [number, number];
  const count = elementCount(kernel);
  const weight = constant([channels, 1, ...kernel], new Float32Array(channels * count).fill(1 / count));
  const outputPadding = kernel.map(
    (extent, i) => x.shape[i + 2]! - (strides[i]! * (dy.shape[i + 2]! - 1) + extent),
  );
  const dilations = kernel.map(() => 1);
  return makeValue('ConvTranspose', [dy, weight], {
    strides,
    pads,
    dilations,
    groups: channels,
    outputPadding,
  });
}

const rootTwo = Math.SQRT2;

export const gradientRules: GradientRules = {
  Input: leaf,
  Parameter: leaf,
  Constant: leaf,
  Neg: unary((_, __, dy) => neg(dy)),
  Abs: unary((x, _, dy) => mul(dy, sign(x))),
  Sign: 'it is constant almost everywhere; nothing learns through it',
  Sqrt: unary((_, y, dy) => div(dy, mul(y, 2))),
  Reciprocal: unary((_, y, dy) => neg(mul(dy, mul(y, y)))),
  Exp: unary((_, y, dy) => mul(dy, y)),
  Log: unary((x, _, dy) => div(dy, x)),
  Erf: unary((x, _, dy) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  Sigmoid: unary((_, y, dy) => mul(dy, mul(y, sub(constant([], [1]), y)))),
  Tanh: unary((_, y, dy) => mul(dy, sub(constant([], [1]), mul(y, y)))),
  Relu: unary((_, y, dy) => mul(dy, sign(y))),
  LeakyRelu: (y, dy) => [
    () => {
      const { alpha } = y.attributes;
      return mul(dy, add(mul(sign(relu(y.inputs[0]!)), 1 - alpha), alpha));
    },
  ],
  // y lies between the bounds, or at one of them, where nothing passes.
  Clip: (y, dy) => [
    () => {
      const { least, most } = y.attributes;
      return mul(dy, mul(sign(sub(y, least)), sign(sub(scalar(most), y))));
    },
  ],
  // y + σ(x)·(1 − y), where y = x·σ(x)
  Silu: unary((x, y, dy) => mul(dy, add(y, mul(sigmoid(x), sub(scalar(1), y))))),
  // Φ(x) + x·φ(x)
  Gelu: unary((x, _, dy) => {
    const distribution = mul(add(erf(mul(x, 1 / rootTwo)), 1), 0.5);
    const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return mul(dy, add(distribution, mul(x, density)));
  }),
  Add: ({ inputs: [a, b] }, dy) => [() => sumTo(dy, a!.shape), () => sumTo(dy, b!.shape)],
  Sub: ({ inputs: [a, b] }, dy) => [() => sumTo(dy, a!.shape), () => sumTo(neg(dy), b!.shape)],
  Mul: ({ inputs: [a, b] }, dy) => [() => sumTo(mul(dy, b!), a!.shape), () => sumTo(mul(dy, a!), b!.shape)],
  Div: (y, dy) => {
    const [a, b] = y.inputs as [Value, Value];
    return [() => sumTo(div(dy, b), a.shape), () => sumTo(neg(mul(dy, div(y, b))), b.shape)];
  },
  MatMul: matmulGradient,
  Gemm: matmulGradient,
  Conv: (y, dy) => [
    () => convInputGradient(y, dy),
    () => convWeightGradient(y.inputs[0]!, dy, { ...y.attributes, kernel: y.inputs[1]!.shape.slice(2) }),
    () => reduceSum(dy, nonChannelAxes(dy)),
  ],
  ConvTranspose: (y, dy) => {
    const [x, w] = y.inputs as [Value, Value];
    const { strides, pads, dilations, groups } = y.attributes;
    const geometry = { strides, pads, dilations, groups };
    return [
      () => makeValue('Conv', [dy, w], geometry),
      () => convWeightGradient(dy, x, { ...geometry, kernel: w.shape.slice(2) }),
    ];
  },
  ConvWeightGradient: 'it is a gradient itself; second derivatives are not taken',
  WinogradProduct: 'the pass that makes it runs after differentiation',
  WinogradKernelProduct: 'emission makes it, after differentiation',
  Attention: attentionGradient,
  Softmax: unary((x, y, dy) => {
    const last = [x.shape.length - 1];
    return mul(y, sub(dy, reduceSum(mul(dy, y), last, true)));
  }),
  LayerNormalization: layerNormalizationGradient,
  GroupNormalization: groupNormalizationGradient,
  ReduceSum: (y, dy) => [() => spread(y, dy)],
  ReduceMean: (y, dy) => [() => mul(spread(y, dy), elementCount(y.shape) / elementCount(y.inputs[0]!.shape))],
  MaxPool: (y, dy) => [() => maxPoolGradient(y, dy)],
  AveragePool: (y, dy) => [() => averagePoolGradient(y, dy)],
  Reshape: unary((x, _, dy) => reshape(dy, x.shape)),
  Transpose: (y, dy) => [
    () =>
      transpose(
        dy,
        y.attributes.perm.map((_, axis) => y.attributes.perm.indexOf(axis)),
      ),
  ],
  Concat: (y, dy) => {
    const { axis } = y.attributes;
    let end = 0;
    return y.inputs.map((part) => {
      const start = end;
      end += part.shape[axis]!;
      return () => slice(dy, axis, start, start + part.shape[axis]!);
    });
  },
  Gather: 'tables that are looked up in are not trained',
  Slice: (y, dy) => [() => sliceGradient(y, dy)],
  Pad: (y, dy) => [
    () => {
      const { pads, mode } = y.attributes;
      if (mode !== 'constant')
        throw new RangeError(`Padding by ${mode} has no gradient here; pad with zeros`);
      return y.inputs[0]!.shape.reduce(
        (part, extent, axis) =>
          extent === part.shape[axis] ? part : slice(part, axis, pads[axis]!, pads[axis]! + extent),
        dy,
      );
    },
  ],
  Expand: ({ inputs: [x] }, dy) => [() => sumTo(dy, x!.shape)],
  ResizeNearest: (y, dy) => [() => resizeNearestGradient(y, dy)],
};
