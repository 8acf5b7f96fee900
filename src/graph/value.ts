/**
 * The symbolic graph: a `Value` is one float32 tensor and the operation that makes it. Values are immutable and
 * know their inputs only, so a graph is whatever its outputs reach. Operations carry ONNX's names where ONNX
 * has them; one operation makes one value.
 */

export type Shape = readonly number[];

/** Geometry of a convolution over the trailing one or two axes; `pads` as in ONNX: all begins, then all ends. */
export interface ConvAttributes {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
}

export interface PoolAttributes {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
}

/** Every operation and its attributes. The rule tables are typed by this: a forgotten operation does not compile. */
export interface OpAttributes {
  // Leaves
  /** Fed at every run. */
  readonly Input: { readonly name: string };
  /** A weight, known by its network and checkpoint key, such as `unet/conv_in.weight`. */
  readonly Parameter: { readonly name: string };
  readonly Constant: { readonly data: Float32Array };
  // Elementwise
  readonly Neg: object;
  readonly Abs: object;
  readonly Sign: object;
  readonly Sqrt: object;
  readonly Reciprocal: object;
  readonly Exp: object;
  readonly Log: object;
  readonly Erf: object;
  readonly Sigmoid: object;
  readonly Tanh: object;
  readonly Relu: object;
  readonly LeakyRelu: { readonly alpha: number };
  /** min(max(x, least), most) */
  readonly Clip: { readonly least: number; readonly most: number };
  /** x·σ(x), also called swish (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
  readonly Silu: object;
  /** x·Φ(x), the exact (erf) form. */
  readonly Gelu: object;
  // Elementwise over two tensors, with NumPy broadcasting
  readonly Add: object;
  readonly Sub: object;
  readonly Mul: object;
  readonly Div: object;
  // Products
  /** Batched product over the last two axes of each side, either transposed first. */
  readonly MatMul: { readonly transA: boolean; readonly transB: boolean };
  /** Product of two matrices plus an optional bias row. */
  readonly Gemm: { readonly transA: boolean; readonly transB: boolean };
  readonly Conv: ConvAttributes;
  readonly ConvTranspose: ConvAttributes & { readonly outputPadding: readonly number[] };
  /**
   * Gradient of `Conv` with respect to its weight; inputs x and the output's gradient. It brings along what makes simpler
   * operations of it, which nobody needs who takes no gradients.
   */
  readonly ConvWeightGradient: ConvAttributes & {
    readonly kernel: readonly number[];
    readonly expand: (value: Value<'ConvWeightGradient'>) => Value;
  };
  /** One product a tile position: u [T, O, C] and v [C, T, P] give [T, O, P]. */
  readonly WinogradProduct: object;
  /** Of gradients: dy [O, T, P] and x [C, T, P] of P tiles give [T, O, C]. */
  readonly WinogradKernelProduct: object;
  /** softmax(scale·q·kᵀ)·v per head, on [B, S, heads·D]. */
  readonly Attention: { readonly heads: number; readonly scale: number };
  // Normalisation
  /** Over the last axis. */
  readonly Softmax: object;
  /** Over the last axis, with gain and bias. */
  readonly LayerNormalization: { readonly epsilon: number };
  /** Over channel groups of [N, C, …], with gain and bias per channel. */
  readonly GroupNormalization: { readonly groups: number; readonly epsilon: number };
  // Reductions
  readonly ReduceSum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  readonly ReduceMean: { readonly axes: readonly number[]; readonly keepDims: boolean };
  readonly MaxPool: PoolAttributes;
  readonly AveragePool: PoolAttributes;
  // Layout
  readonly Reshape: { readonly shape: Shape };
  readonly Transpose: { readonly perm: readonly number[] };
  readonly Concat: { readonly axis: number };
  /** Rows of a table [V, C] by index: indices […], whole numbers from 0 to V − 1, give […, C]. */
  readonly Gather: object;
  /** Elements start, start + step, … below end, along one axis. */
  readonly Slice: {
    readonly axis: number;
    readonly start: number;
    readonly end: number;
    readonly step: number;
  };
  readonly Pad: { readonly pads: readonly number[]; readonly mode: 'constant' | 'edge' | 'reflect' };
  readonly Expand: { readonly shape: Shape };
  /** Nearest-neighbour resize of trailing axes: source index ⌊i·in/out⌋, as PyTorch's `nearest`. */
  readonly ResizeNearest: { readonly shape: Shape };
}

export type OpType = keyof OpAttributes;

export interface Value<K extends OpType = OpType> {
  readonly op: K;
  readonly inputs: readonly Value[];
  readonly attributes: OpAttributes[K];
  readonly shape: Shape;
}

/** Whether a value is made by the given operation; narrows its attributes. */
export function isOp<K extends OpType>(value: Value, op: K): value is Value<K> {
  return (value as Value).op === op;
}
