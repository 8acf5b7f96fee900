/**
 * Arithmetic cost: floating-point operations of each operation. Products count two a multiply-add, as is usual;
 * everything else counts one a result, or a small multiple where a result takes several passes.
 */
import { elementCount } from '../tensor/host-tensor.ts';
import { topologicalOrder } from './graph.ts';
import type { OpType, Value } from './value.ts';

type CostRules = { readonly [K in OpType]: (value: Value<K>) => number };

const free = (): number => 0;
const perResult =
  (count: number) =>
  (value: Value): number =>
    count * elementCount(value.shape);
const perInput = (value: Value): number => elementCount(value.inputs[0]!.shape);

/** 2·results·(products summed into each). */
function matrixProduct(value: Value<'MatMul' | 'Gemm'>): number {
  const a = value.inputs[0]!.shape;
  return 2 * elementCount(value.shape) * a[a.length - (value.attributes.transA ? 2 : 1)]!;
}

/** Each weight meets each output position of each image once. */
function convolution(weight: readonly number[], x: readonly number[], positions: readonly number[]): number {
  return 2 * elementCount(weight) * x[0]! * elementCount(positions);
}

const costRules: CostRules = {
  Input: free,
  Parameter: free,
  Constant: free,
  Neg: perResult(1),
  Abs: perResult(1),
  Sign: perResult(1),
  Sqrt: perResult(1),
  Reciprocal: perResult(1),
  Exp: perResult(1),
  Log: perResult(1),
  Erf: perResult(1),
  Sigmoid: perResult(1),
  Tanh: perResult(1),
  Relu: perResult(1),
  LeakyRelu: perResult(1),
  Clip: perResult(2),
  Silu: perResult(2),
  Gelu: perResult(1),
  Add: perResult(1),
  Sub: perResult(1),
  Mul: perResult(1),
  Div: perResult(1),
  MatMul: matrixProduct,
  Gemm: matrixProduct,
  Conv: ({ inputs: [x, w], shape }) => convolution(w!.shape, x!.shape, shape.slice(2)),
  ConvTranspose: ({ inputs: [x, w] }) => convolution(w!.shape, x!.shape, x!.shape.slice(2)),
  ConvWeightGradient: ({ inputs: [x, dy], shape }) => convolution(shape, x!.shape, dy!.shape.slice(2)),
  WinogradProduct: ({ inputs: [u], shape }) => 2 * elementCount(shape) * u!.shape[2]!,
  WinogradKernelProduct: ({ inputs: [dy], shape }) => 2 * elementCount(shape) * dy!.shape[2]!,
  Attention: ({ inputs: [q, k, v] }) => {
    const [batch, queries, channels] = q!.shape as [number, number, number];
    return 2 * batch * queries * k!.shape[1]! * (channels + v!.shape[2]!);
  },
  Softmax: perResult(4),
  LayerNormalization: perResult(6),
  GroupNormalization: perResult(6),
  ReduceSum: perInput,
  ReduceMean: perInput,
  MaxPool: ({ shape, attributes: { kernel } }) => elementCount(shape) * elementCount(kernel),
  AveragePool: ({ shape, attributes: { kernel } }) => elementCount(shape) * elementCount(kernel),
  Reshape: free,
  Transpose: free,
  Concat: free,
  Gather: free,
  Slice: free,
  Pad: free,
  Expand: free,
  ResizeNearest: free,
};

/** Floating-point operations of the graph of `outputs`. */
export function graphFlops(outputs: Iterable<Value>): number {
  let flops = 0;
  for (const value of topologicalOrder(outputs))
    flops += (costRules[value.op] as (value: Value) => number)(value);
  return flops;
}
