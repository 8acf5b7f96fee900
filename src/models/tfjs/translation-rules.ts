/** TensorFlow operations in terms of ours: those of convolutional networks for images. */

import {
  add,
  conv,
  div,
  gemm,
  mul,
  pad,
  reduceMean,
  relu,
  reshape,
  sigmoid,
  softmax,
  sub,
  transpose,
} from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import {
  type GraphNode,
  type Translated,
  type Translation,
  withChannelsFirst,
  withChannelsLast,
} from './translation.ts';

type TranslationRule = (translation: Translation) => Translated;

const rules: Readonly<Record<string, TranslationRule>> = {
  Conv2D: (t) => convolution(t, false),
  DepthwiseConv2dNative: (t) => convolution(t, true),
  Add: binary(add),
  AddV2: binary(add),
  BiasAdd: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  RealDiv: binary(div),
  // min(a, b) = a - relu(a - b), max(a, b) = a + relu(b - a)
  Minimum: binary((a, b) => sub(a, relu(sub(a, b)))),
  Maximum: binary((a, b) => add(a, relu(sub(b, a)))),
  Relu: unary(relu),
  Relu6: unary((x) => sub(relu(x), relu(sub(x, 6)))),
  Sigmoid: unary(sigmoid),
  Identity: unary((x) => x),
  Softmax: (t) => plain(softmax(withChannelsLast(t.input(0)))),
  Mean: (t) => {
    const { value, channelsFirst } = t.input(0);
    const rank = value.shape.length;
    const axes = [...t.weight(1).data].map((axis) => (axis < 0 ? axis + rank : axis));
    const keepDims = t.node.attr['keep_dims']?.b ?? false;
    if (!channelsFirst) return plain(reduceMean(value, axes, keepDims));
    const here = [0, 2, 3, 1]; // where the model's axes are
    // Without H and W, [N, C] is left in either order.
    if (!keepDims && axes.length === 2 && axes.includes(1) && axes.includes(2))
      return plain(reduceMean(value, [2, 3]));
    if (keepDims) {
      const kept = axes.map((axis) => here[axis]!);
      return { value: reduceMean(value, kept, true), channelsFirst: true };
    }
    return plain(reduceMean(withChannelsLast(t.input(0)), axes));
  },
  Pad: (t) => {
    const { value, channelsFirst } = t.input(0);
    const paddings = [...t.weight(1).data]; // before and behind, axis by axis
    if (paddings.length !== 2 * value.shape.length)
      throw new TypeError(
        `Cannot translate ${t.node.name}: it pads ${paddings.length / 2} axes of ${value.shape.length}`,
      );
    const axes = channelsFirst ? [0, 3, 1, 2] : value.shape.map((_, axis) => axis);
    const amounts = [0, 1].flatMap((side) => axes.map((axis) => paddings[2 * axis + side]!));
    return { value: pad(value, amounts), channelsFirst };
  },
  Reshape: (t) => plain(reshape(withChannelsLast(t.input(0)), [...t.weight(1).data])),
  MatMul: (t) => plain(product(t)),
  _FusedMatMul: (t) => plain(fusedActivations(t.node, product(t))),
};

/** The rule of an operation; undefined where there is none. */
export function translationRule(op: string): TranslationRule | undefined {
  return Object.hasOwn(rules, op) ? rules[op] : undefined;
}

const plain = (value: Value): Translated => ({ value, channelsFirst: false });

function unary(build: (x: Value) => Value): TranslationRule {
  return (t) => {
    const { value, channelsFirst } = t.input(0);
    return { value: build(value), channelsFirst };
  };
}

function binary(build: (a: Value, b: Value) => Value): TranslationRule {
  return (t) => {
    const a = t.input(0);
    const b = t.input(1);
    if (!a.channelsFirst && !b.channelsFirst) return plain(build(a.value, b.value));
    return { value: build(besideImages(a), besideImages(b)), channelsFirst: true };
  };
}

/** A tensor so that it broadcasts with [N, C, H, W] as it does with [N, H, W, C] in the model. */
function besideImages(tensor: Translated): Value {
  const { shape } = tensor.value;
  if (tensor.channelsFirst || shape.length === 0) return tensor.value;
  if (shape.length === 1) return reshape(tensor.value, [shape[0]!, 1, 1]);
  return withChannelsFirst(tensor);
}

/** x [N, H, W, C] with [h, w, C, O], or depthwise with [h, w, C, M], whose output channel is c·M + m. */
function convolution(t: Translation, depthwise: boolean): Translated {
  const { node } = t;
  requireText(node, 'data_format', ['NHWC']);
  const padding = requireText(node, 'padding', ['SAME', 'VALID']);
  const [, stride = 1, strideX = stride] = node.attr['strides']?.list?.i ?? [];
  const [, dilation = 1, dilationX = dilation] = node.attr['dilations']?.list?.i ?? [];
  if (stride !== strideX || dilation !== dilationX)
    throw new TypeError(`Cannot translate ${node.name}: its strides or dilations differ between the axes`);
  const x = withChannelsFirst(t.input(0));
  const [height = 0, width = 0, channels = 0, last = 0] = t.weight(1).shape;
  const w = t.input(1).value;
  const weight = depthwise
    ? reshape(transpose(w, [2, 3, 0, 1]), [channels * last, 1, height, width])
    : transpose(w, [3, 2, 0, 1]);
  const pads = [height, width].map((kernel, axis) =>
    padding === 'SAME' ? samePadding(x.shape[2 + axis]!, kernel, stride, dilation) : 0,
  );
  // What does not divide by two goes to the end.
  const begins = pads.map((total) => Math.floor(total / 2));
  const ends = pads.map((total, axis) => total - begins[axis]!);
  const options = { stride, dilation, padding: [...begins, ...ends], groups: depthwise ? channels : 1 };
  return { value: conv(x, weight, undefined, options), channelsFirst: true };
}

/** Padding of an axis so that it has ⌈extent / stride⌉ windows. */
function samePadding(extent: number, kernel: number, stride: number, dilation: number): number {
  return Math.max(0, (Math.ceil(extent / stride) - 1) * stride + dilation * (kernel - 1) + 1 - extent);
}

/** a·b, plus a bias where there is a third input. */
function product(t: Translation): Value {
  const { node } = t;
  const transA = node.attr['transpose_a']?.b ?? false;
  const transB = node.attr['transpose_b']?.b ?? false;
  const [a, b, bias] = node.input.map((_, index) => withChannelsLast(t.input(index)));
  return gemm(a!, b!, bias, { transA, transB });
}

/** What is fused to an operation after its bias. */
function fusedActivations(node: GraphNode, value: Value): Value {
  const fused = (node.attr['fused_ops']?.list?.s ?? []).map(decodeText);
  return fused.reduce((x, op) => {
    if (op === 'BiasAdd') return x;
    if (op === 'Relu') return relu(x);
    throw new TypeError(`Cannot translate ${node.name}: no rule for ${op} fused to ${node.op}`);
  }, value);
}

function requireText(node: GraphNode, attribute: string, known: readonly string[]): string {
  const value = decodeText(node.attr[attribute]?.s ?? '');
  if (!known.includes(value))
    throw new TypeError(`Cannot translate ${node.name}: its ${attribute} is ${JSON.stringify(value)}`);
  return value;
}

/** Texts are in Base64 where the topology is JSON. */
function decodeText(base64: string): string {
  return atob(base64);
}
