import ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import type { Runtime, Tensors } from '../runtime/runtime.ts';
import { withSession } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { parametersOf } from './graph.ts';
import { emitModel, type OnnxModel } from './onnx/emit-model.ts';
import { emitRules } from './onnx/emit-rules.ts';
import { type OpCase, opCases, sampleTensor } from './op-cases.test-support.ts';
import { input } from './ops.ts';
import { evaluate } from './reference-ops.test-support.ts';
import type { OpType, Shape, Value } from './value.ts';

/**
 * Of the largest value, for results in float32 against ones summed in double precision: one rounding is 6e-8, and
 * the longest sums here, of 256 terms, gather about √256 of them.
 */
const tolerance = 2e-6;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

interface Built {
  readonly y: Value;
  readonly model: OnnxModel;
  readonly leaves: Map<string, HostTensor>;
}

function build({ inputs, lowest, build: buildCase }: OpCase): Built {
  const leaves = new Map(inputs.map((shape, i) => [`x${i}`, sampleTensor(shape, i, lowest)]));
  const y = buildCase(...inputs.map((shape, i) => input(`x${i}`, shape)));
  for (const [name, { shape }] of parametersOf([y])) leaves.set(name, sampleTensor(shape, 7));
  const model = emitModel('case', { y }, (name) => ({ kind: 'inline', data: leaves.get(name)!.data }));
  return { y, model, leaves };
}

/** The shape that ONNX Runtime gives the result, whatever the model declares. */
async function shapeInOnnxRuntime({ bytes, inputs }: OnnxModel, feeds: Tensors): Promise<Shape> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const tensors = [...inputs.keys()].map((name) => {
    const { data, shape } = feeds[name]!;
    return [name, new ort.Tensor('float32', data, shape)] as const;
  });
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  return results['y']!.dims;
}

/** The largest difference, relative to the largest reference value. */
function largestError(a: Float32Array, b: Float32Array): number {
  const scale = b.reduce((largest, v) => Math.max(largest, Math.abs(v)), 0) || 1;
  return a.reduce((largest, v, i) => Math.max(largest, Math.abs(v - b[i]!)), 0) / scale;
}

const rows = (Object.keys(opCases) as OpType[]).flatMap((op) =>
  opCases[op].map((opCase) => ({ op, opCase, title: `${op} ${opCase.name}` })),
);

describe('operations in ONNX Runtime', () => {
  it('have a case each', () => {
    const covered = rows.map(({ opCase }) => build(opCase).y.op);
    expect(covered).toEqual(rows.map(({ op }) => op));
    expect([...new Set(covered)].sort()).toEqual(Object.keys(emitRules).sort());
  });

  it.each(rows)('$title', async ({ opCase }) => {
    const { y, model, leaves } = build(opCase);
    const feeds: Tensors = Object.fromEntries(leaves);
    const result = await withSession(runtime, model, (session) => session.run(feeds));
    expect(await shapeInOnnxRuntime(model, feeds)).toEqual(y.shape);

    const expected = evaluate(y, leaves);
    expect(result['y']!.data).toHaveLength(expected.data.length);
    expect(largestError(result['y']!.data, expected.data)).toBeLessThan(opCase.tolerance ?? tolerance);
  });
});

describe('attention', () => {
  it.each([
    { name: 'of few scores', has: /(?<!MultiHead)Attention_/, lacks: /MultiHeadAttention/ },
    { name: 'of many scores', has: /MultiHeadAttention_/, lacks: /Softmax/ },
    { name: 'of one wide head', has: /Softmax_/, lacks: /Attention_|Concat_/ },
    { name: 'of one wide head, more than 1024 queries', has: /Concat_/, lacks: /Attention_/ },
  ])('$name uses the kernel for its shape', ({ name, has, lacks }) => {
    const { model } = build(opCases.Attention.find((opCase) => opCase.name === name)!);
    const nodeNames = new TextDecoder('latin1').decode(model.bytes);
    expect(nodeNames).toMatch(has);
    expect(nodeNames).not.toMatch(lacks);
  });
});
