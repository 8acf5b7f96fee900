/** Every operation in plain TypeScript, by its definition and in double precision: what tests compare with. */
import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { topologicalOrder } from './graph.ts';
import { isOp, type OpAttributes, type OpType, type Shape, type Value } from './value.ts';

type ReferenceRules = {
  readonly [K in OpType]: (
    inputs: readonly HostTensor[],
    attributes: OpAttributes[K],
    shape: Shape,
  ) => HostTensor;
};

/** The value of `output` when inputs and parameters have the given values, by name. */
export function evaluate(output: Value, leaves: ReadonlyMap<string, HostTensor>): HostTensor {
  const results = new Map<Value, HostTensor>();
  for (const value of topologicalOrder([output])) {
    if (isOp(value, 'Input') || isOp(value, 'Parameter')) {
      results.set(value, leaves.get(value.attributes.name)!);
      continue;
    }
    const inputs = value.inputs.map((input) => results.get(input)!);
    const rule = referenceRules[value.op] as ReferenceRules[OpType];
    results.set(value, rule(inputs, value.attributes as never, value.shape));
  }
  return results.get(output)!;
}

/** All indices of a shape, row-major. */
function* indicesOf(shape: Shape): Generator<number[]> {
  const count = elementCount(shape);
  const index = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    yield index;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
}

/** A tensor from its element at each index. */
function generate(shape: Shape, element: (index: readonly number[]) => number): HostTensor {
  const data = new Float32Array(elementCount(shape));
  let i = 0;
  for (const index of indicesOf(shape)) data[i++] = element(index);
  return hostTensor(shape, data);
}

const inside = (shape: Shape, index: readonly number[]): boolean =>
  index.every((i, axis) => i >= 0 && i < shape[axis]!);

/** The element at `index`; 0 outside, as zero padding reads it. */
function at({ shape, data }: HostTensor, index: readonly number[]): number {
  if (!inside(shape, index)) return 0;
  return data[index.reduce((offset, i, axis) => offset * shape[axis]! + i, 0)]!;
}

/** The element that broadcasting puts at `index` of a larger shape. */
function atBroadcast(x: HostTensor, index: readonly number[]): number {
  const trailing = index.slice(index.length - x.shape.length);
  return at(
    x,
    trailing.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  );
}

/** Σ f(index) over all indices of a shape. */
function sumOver(shape: Shape, f: (index: readonly number[]) => number): number {
  let sum = 0;
  for (const index of indicesOf(shape)) sum += f(index);
  return sum;
}

const elementwise =
  (f: (x: number) => number) =>
  ([x]: readonly HostTensor[]): HostTensor =>
    hostTensor(x!.shape, x!.data.map(f));

const pairwise =
  (f: (a: number, b: number) => number) =>
  ([a, b]: readonly HostTensor[], _: object, shape: Shape): HostTensor =>
    generate(shape, (index) => f(atBroadcast(a!, index), atBroadcast(b!, index)));

/** erf(x) = 2/√π·e^(−x²)·Σ 2ⁿx^(2n+1)/(2n+1)!!: all terms of one sign, so nothing cancels. */
function erf(x: number): number {
  let sum = 0;
  let term = x;
  for (let n = 0; Math.abs(term) > 1e-18; n++) {
    sum += term;
    term *= (2 * x * x) / (2 * n + 3);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const softmaxOf = (scores: readonly number[]): number[] => {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};

function product(
  [a, b, bias]: readonly HostTensor[],
  { transA, transB }: OpAttributes['MatMul'],
  shape: Shape,
): HostTensor {
  const depth = a!.shape.at(transA ? -2 : -1)!;
  return generate(shape, (index) => {
    const batch = index.slice(0, -2);
    const [m, n] = index.slice(-2) as [number, number];
    const start = bias ? atBroadcast(bias, index) : 0;
    return (
      start +
      sumOver(
        [depth],
        ([k]) =>
          atBroadcast(a!, [...batch, ...(transA ? [k!, m] : [m, k!])]) *
          atBroadcast(b!, [...batch, ...(transB ? [n, k!] : [k!, n])]),
      )
    );
  });
}

/** (x − μ)/√(σ² + ε), μ and σ² over the elements that share `groupOf`. */
function normalise(
  x: HostTensor,
  epsilon: number,
  groupOf: (index: readonly number[]) => string,
  affine: (unit: number, index: readonly number[]) => number,
): HostTensor {
  const members = new Map<string, number[]>();
  for (const index of indicesOf(x.shape)) {
    const group = groupOf(index);
    members.set(group, [...(members.get(group) ?? []), at(x, index)]);
  }
  const moments = new Map<string, { mean: number; deviation: number }>();
  for (const [group, values] of members) {
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    moments.set(group, { mean, deviation: Math.sqrt(variance + epsilon) });
  }
  return generate(x.shape, (index) => {
    const { mean, deviation } = moments.get(groupOf(index))!;
    return affine((at(x, index) - mean) / deviation, index);
  });
}

function reduce(
  [x]: readonly HostTensor[],
  { axes, keepDims }: OpAttributes['ReduceSum'],
  shape: Shape,
): HostTensor {
  const reduced = axes.map((axis) => x!.shape[axis]!);
  return generate(shape, (index) => {
    const kept = [...index];
    return sumOver(reduced, (inner) => {
      const full = x!.shape.map(() => 0);
      axes.forEach((axis, i) => {
        full[axis] = inner[i]!;
      });
      const others = full.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      others.forEach((axis, i) => {
        full[axis] = keepDims ? kept[axis]! : kept[i]!;
      });
      return at(x!, full);
    });
  });
}

/** What a pooling window at each position sees of the image, padding left out. */
const pool =
  (summarise: (values: readonly number[]) => number) =>
  (
    [x]: readonly HostTensor[],
    { kernel, strides, pads }: OpAttributes['MaxPool'],
    shape: Shape,
  ): HostTensor =>
    generate(shape, ([n, c, ...position]) => {
      const values: number[] = [];
      for (const tap of indicesOf(kernel)) {
        const index = [n!, c!, ...position.map((p, i) => p * strides[i]! + tap[i]! - pads[i]!)];
        if (inside(x!.shape, index)) values.push(at(x!, index));
      }
      return summarise(values);
    });

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** Where a padded axis of `extent` reads element `i` from; -1 for the constant zero. */
function padSource(i: number, extent: number, mode: OpAttributes['Pad']['mode']): number {
  if (i >= 0 && i < extent) return i;
  if (mode === 'constant') return -1;
  if (mode === 'edge') return i < 0 ? 0 : extent - 1;
  return i < 0 ? -i : 2 * (extent - 1) - i;
}

const named = (): HostTensor => {
  throw new TypeError('Leaves have their values from outside');
};

export const referenceRules: ReferenceRules = {
  Input: named,
  Parameter: named,
  Constant: (_, { data }, shape) => hostTensor(shape, data),

  Neg: elementwise((x) => -x),
  Abs: elementwise(Math.abs),
  Sign: elementwise(Math.sign),
  Sqrt: elementwise(Math.sqrt),
  Reciprocal: elementwise((x) => 1 / x),
  Exp: elementwise(Math.exp),
  Log: elementwise(Math.log),
  Erf: elementwise(erf),
  Sigmoid: elementwise((x) => 1 / (1 + Math.exp(-x))),
  Tanh: elementwise(Math.tanh),
  Relu: elementwise((x) => Math.max(x, 0)),
  LeakyRelu: ([x], { alpha }) => elementwise((v) => (v < 0 ? alpha * v : v))([x!]),
  Clip: ([x], { least, most }) => elementwise((v) => Math.min(Math.max(v, least), most))([x!]),
  Silu: elementwise((x) => x / (1 + Math.exp(-x))),
  Gelu: elementwise((x) => (x * (1 + erf(x / Math.SQRT2))) / 2),
  Add: pairwise((a, b) => a + b),
  Sub: pairwise((a, b) => a - b),
  Mul: pairwise((a, b) => a * b),
  Div: pairwise((a, b) => a / b),

  MatMul: product,
  Gemm: product,

  Conv([x, w, bias], { strides, pads, dilations, groups }, shape) {
    const [outChannels, groupChannels, ...kernel] = w!.shape as [number, number, ...number[]];
    return generate(shape, ([n, o, ...position]) => {
      const first = Math.floor((o! * groups) / outChannels) * groupChannels;
      const start = bias ? at(bias, [o!]) : 0;
      return (
        start +
        sumOver([groupChannels, ...kernel], ([c, ...tap]) => {
          const source = position.map((p, i) => p * strides[i]! + tap[i]! * dilations[i]! - pads[i]!);
          return at(w!, [o!, c!, ...tap]) * at(x!, [n!, first + c!, ...source]);
        })
      );
    });
  },

  // Scatters: each input element adds its kernel at its stride.
  ConvTranspose([x, w], { strides, pads, dilations, groups }, shape) {
    const [channels, groupOut, ...kernel] = w!.shape as [number, number, ...number[]];
    const sums = new Float64Array(elementCount(shape));
    for (const index of indicesOf(x!.shape)) {
      const [n, c, ...position] = index as [number, number, ...number[]];
      const group = Math.floor((c * groups) / channels);
      for (const [o, ...tap] of indicesOf([groupOut, ...kernel])) {
        const to = position.map((p, i) => p * strides[i]! + tap[i]! * dilations[i]! - pads[i]!);
        const target = [n, group * groupOut + o!, ...to];
        if (!inside(shape, target)) continue;
        const offset = target.reduce((sum, i, axis) => sum * shape[axis]! + i, 0);
        sums[offset]! += at(x!, index) * at(w!, [c, o!, ...tap]);
      }
    }
    return hostTensor(shape, Float32Array.from(sums));
  },

  ConvWeightGradient([x, dy], { strides, pads, dilations, groups }, shape) {
    const [outChannels, groupChannels] = shape as [number, number];
    const [batch, , ...positions] = dy!.shape as [number, number, ...number[]];
    return generate(shape, ([o, c, ...tap]) => {
      const first = Math.floor((o! * groups) / outChannels) * groupChannels;
      return sumOver([batch, ...positions], ([n, ...position]) => {
        const source = position.map((p, i) => p * strides[i]! + tap[i]! * dilations[i]! - pads[i]!);
        return at(dy!, [n!, o!, ...position]) * at(x!, [n!, first + c!, ...source]);
      });
    });
  },

  WinogradProduct: ([u, v], _, shape) =>
    generate(shape, ([t, o, p]) =>
      sumOver([u!.shape[2]!], ([c]) => at(u!, [t!, o!, c!]) * at(v!, [c!, t!, p!])),
    ),

  WinogradKernelProduct: ([dy, x], _, shape) =>
    generate(shape, ([t, o, c]) =>
      sumOver([dy!.shape[2]!], ([p]) => at(dy!, [o!, t!, p!]) * at(x!, [c!, t!, p!])),
    ),

  Attention([q, k, v], { heads, scale }, shape) {
    const [batch, queries, channels] = q!.shape as [number, number, number];
    const keys = k!.shape[1]!;
    const width = channels / heads;
    const valueWidth = v!.shape[2]! / heads;
    const result = hostTensor(shape);
    for (const [b, head, s] of indicesOf([batch, heads, queries]) as Iterable<[number, number, number]>) {
      const scores = Array.from({ length: keys }, (_, l) => {
        let score = 0;
        for (let d = head * width; d < (head + 1) * width; d++)
          score += q!.data[(b * queries + s) * channels + d]! * k!.data[(b * keys + l) * channels + d]!;
        return scale * score;
      });
      const weights = softmaxOf(scores);
      for (let e = head * valueWidth; e < (head + 1) * valueWidth; e++) {
        let sum = 0;
        for (let l = 0; l < keys; l++) sum += weights[l]! * v!.data[(b * keys + l) * v!.shape[2]! + e]!;
        result.data[(b * queries + s) * v!.shape[2]! + e] = sum;
      }
    }
    return result;
  },

  Softmax([x], _, shape) {
    const width = shape.at(-1)!;
    const rows = Array.from({ length: x!.data.length / width }, (_, row) =>
      softmaxOf([...x!.data.subarray(row * width, (row + 1) * width)]),
    );
    return hostTensor(shape, Float32Array.from(rows.flat()));
  },

  LayerNormalization: ([x, gain, bias], { epsilon }) =>
    normalise(
      x!,
      epsilon,
      (index) => `${index.slice(0, -1)}`,
      (unit, index) => unit * at(gain!, index.slice(-1)) + at(bias!, index.slice(-1)),
    ),

  GroupNormalization: ([x, gain, bias], { groups, epsilon }) =>
    normalise(
      x!,
      epsilon,
      ([n, c]) => `${n} ${Math.floor((c! * groups) / x!.shape[1]!)}`,
      (unit, [, c]) => unit * at(gain!, [c!]) + at(bias!, [c!]),
    ),

  ReduceSum: reduce,
  ReduceMean: ([x], attributes, shape) => {
    const sum = reduce([x!], attributes, shape);
    const count = elementCount(x!.shape) / elementCount(shape);
    return elementwise((v) => v / count)([sum]);
  },
  MaxPool: pool((values) => Math.max(...values)),
  AveragePool: pool(mean),

  Reshape: ([x], { shape }) => hostTensor(shape, x!.data),
  Transpose: ([x], { perm }, shape) =>
    generate(shape, (index) =>
      at(
        x!,
        x!.shape.map((_, axis) => index[perm.indexOf(axis)]!),
      ),
    ),
  Concat: (inputs, { axis }, shape) =>
    generate(shape, (index) => {
      let part = 0;
      let i = index[axis]!;
      while (i >= inputs[part]!.shape[axis]!) i -= inputs[part++]!.shape[axis]!;
      return at(inputs[part]!, index.with(axis, i));
    }),
  Gather: ([table, indices], _, shape) =>
    generate(shape, (index) => at(table!, [at(indices!, index.slice(0, -1)), index.at(-1)!])),
  Slice: ([x], { axis, start, step }, shape) =>
    generate(shape, (index) => at(x!, index.with(axis, start + index[axis]! * step))),
  Pad: ([x], { pads, mode }, shape) =>
    generate(shape, (index) =>
      at(
        x!,
        index.map((i, axis) => padSource(i - pads[axis]!, x!.shape[axis]!, mode)),
      ),
    ),
  Expand: ([x], _, shape) => generate(shape, (index) => atBroadcast(x!, index)),
  ResizeNearest: ([x], _, shape) =>
    generate(shape, (index) =>
      at(
        x!,
        index.map((i, axis) => Math.floor((i * x!.shape[axis]!) / shape[axis]!)),
      ),
    ),
};
