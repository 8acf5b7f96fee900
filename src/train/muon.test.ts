import { beforeAll, describe, expect, it } from 'vitest';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { shareSums, threadCommunicator } from '../platform/node/train/thread-communicator.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { withSession } from '../runtime/runtime.ts';
import { hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { orthogonalised } from './muon.ts';
import { suitsMuon } from './muon-group.ts';
import { createOptimizer } from './optimizer.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

const random = (count: number, key: number): Float32Array =>
  new RandomStream(4, [key]).fillNormal(new Float32Array(count));

type Matrix = number[][];
const rowsOf = (data: ArrayLike<number>, columns: number): Matrix =>
  Array.from({ length: data.length / columns }, (_, i) =>
    Array.from({ length: columns }, (_, j) => data[i * columns + j]!),
  );
const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const product = (a: Matrix, b: Matrix): Matrix => {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => row.reduce((sum, x, k) => sum + x * column[k]!, 0)));
};
const combined = (...terms: [number, Matrix][]): Matrix =>
  terms[0]![1].map((row, i) => row.map((_, j) => terms.reduce((sum, [f, m]) => sum + f * m[i]![j]!, 0)));
const length = (a: Matrix): number => Math.hypot(...a.flat());

/** The iteration as it is defined, on the matrix itself, in double precision. */
function reference(matrix: Matrix): Matrix {
  let x = combined([1 / length(matrix), matrix]);
  for (let i = 0; i < 5; i++) {
    const gram = product(x, transposed(x));
    const factor = combined([-4.775, gram], [2.0315, product(gram, gram)]);
    x = combined([3.4445, x], [1, product(factor, x)]);
  }
  return x;
}

async function computed(data: Float32Array, shape: [number, number]): Promise<Float32Array> {
  const stack = [1, ...shape];
  const model = emitModel('muon', { result: orthogonalised(input('x', stack)) }, () => {
    throw new Error('no parameters');
  });
  const results = await withSession(runtime, model, (session) => session.run({ x: hostTensor(stack, data) }));
  return results['result']!.data;
}

describe('orthogonalised matrices', () => {
  it.each([
    [20, 70],
    [70, 20],
    [24, 24],
  ])('are those of the iteration on the matrix itself: %i by %i', async (rows, columns) => {
    const data = random(rows * columns, 1);
    const expected = reference(rowsOf(data, columns)).flat();
    const result = await computed(data, [rows, columns]);
    expect(relativeError(result, Float32Array.from(expected))).toBeLessThan(1e-4);
  });

  it('have rows of about one length, at right angles, whatever the size of the numbers', async () => {
    const data = random(16 * 400, 2);
    const result = rowsOf(await computed(data, [16, 400]), 400);
    const gram = product(result, transposed(result));
    gram.forEach((row, i) => {
      row.forEach((value, j) => {
        if (i === j) expect(Math.abs(value - 0.9)).toBeLessThan(0.45);
        else expect(Math.abs(value)).toBeLessThan(0.2);
      });
    });
    const larger = await computed(
      data.map((x) => x * 1000),
      [16, 400],
    );
    expect(relativeError(larger, Float32Array.from(result.flat()))).toBeLessThan(1e-5);
  });

  it('stay zero where they are', async () => {
    expect(await computed(new Float32Array(16 * 20), [16, 20])).toEqual(new Float32Array(16 * 20));
  });
});

it('is for weights that sum over many inputs', () => {
  expect(suitsMuon('unet/mid_block.resnets.0.conv1.weight', [160, 160, 3, 3])).toBe(true);
  expect(suitsMuon('unet/mid_block.resnets.0.conv1.bias', [160])).toBe(false);
  expect(suitsMuon('vae/encoder.conv_in.weight', [48, 1, 3, 3])).toBe(false);
  expect(suitsMuon('vae/decoder.conv_out.weight', [48, 96, 3, 3])).toBe(false);
  expect(suitsMuon('clip/embeddings.position_embedding.weight', [65, 96])).toBe(false);
});

it('steps along orthogonal means, beside Adam, clips by the norm of all, and averages', async () => {
  const shapes = new Map([
    ['conv.weight', [16, 2, 3, 3]],
    ['conv.bias', [16]],
  ]);
  const config = { betas: [0.9, 0.99] as const, epsilon: 1e-8, weightDecay: 0.01, averageDecay: 0.9 };
  const settings = { ...config, muon: { momentum: 0.8, rateFactor: 2 }, maxGradientNorm: 1 };
  const optimizer = await createOptimizer(runtime, shapes, settings);
  const adam = await createOptimizer(runtime, new Map([['conv.bias', [16]]]), config);
  let parameter = rowsOf(random(16 * 18, 3), 18);
  let average = parameter;
  let mean = combined([0, parameter]);
  for (const tensors of [optimizer.parameters, optimizer.averages])
    tensors['conv.weight']!.data.set(parameter.flat());
  for (let step = 1; step <= 3; step++) {
    const gradient = random(16 * 18, 10 + step);
    const bias = random(16, 20 + step);
    optimizer.gradients['conv.weight']!.data.set(gradient);
    optimizer.gradients['conv.bias']!.data.set(bias);
    const norm = Math.hypot(...gradient, ...bias);
    expect((await optimizer.step(step, 0.1)).gradientNorm / norm).toBeCloseTo(1, 5);
    adam.gradients['conv.bias']!.data.set(bias.map((x) => x / norm));
    await adam.step(step, 0.1);
    const clipped = combined([1 / norm, rowsOf(gradient, 18)]);
    mean = combined([0.8, mean], [0.2, clipped]);
    const direction = reference(combined([0.8, mean], [0.2, clipped]));
    const scale = 0.2 * Math.sqrt(18);
    parameter = combined([1 - 0.2 * 0.01, parameter], [-0.2 * scale, direction]);
    average = combined([0.9, average], [0.1, parameter]);
  }
  const error = (data: Float32Array, expected: Matrix): number =>
    relativeError(data, Float32Array.from(expected.flat()));
  expect(error(optimizer.parameters['conv.weight']!.data, parameter)).toBeLessThan(1e-5);
  expect(error(optimizer.averages['conv.weight']!.data, average)).toBeLessThan(1e-5);
  expect(
    relativeError(optimizer.parameters['conv.bias']!.data, adam.parameters['conv.bias']!.data),
  ).toBeLessThan(1e-5);
  expect(optimizer.gradients['conv.weight']!.data.every((value) => value === 0)).toBe(true);
  expect(Object.keys(optimizer.state).sort()).toEqual(
    ['average', 'matrix_average', 'matrix_mean', 'matrix_parameter', 'mean', 'parameter', 'square'].sort(),
  );
  await optimizer.release();
  await adam.release();
});

it('steps as one trainer does where several share its matrices', async () => {
  const shapes = new Map([
    ['a.weight', [16, 2, 3, 3]],
    ['b.weight', [32, 24]],
    ['c.weight', [20, 40]],
    ['c.bias', [20]],
  ]);
  const config = { betas: [0.9, 0.99] as const, epsilon: 1e-8, weightDecay: 0.01, averageDecay: 0.9 };
  const settings = { ...config, muon: { momentum: 0.8, rateFactor: 2 } };
  const sums = shareSums(3);
  const alone = await createOptimizer(runtime, shapes, settings);
  const several = await Promise.all(
    [0, 1, 2].map((rank) => createOptimizer(runtime, shapes, settings, threadCommunicator(sums, rank))),
  );
  for (let step = 1; step <= 2; step++) {
    [...shapes.keys()].forEach((name, i) => {
      const parts = [0, 1, 2].map((rank) =>
        random(alone.gradients[name]!.data.length, 100 * step + 10 * i + rank),
      );
      for (const [rank, part] of parts.entries()) several[rank]!.gradients[name]!.data.set(part);
      alone.gradients[name]!.data.set(
        parts[0]!.map((value, k) => Math.fround(value + parts[1]![k]!) + parts[2]![k]!),
      );
    });
    await alone.step(step, 0.1);
    await Promise.all(
      several.map(async (optimizer) => {
        await optimizer.addUp();
        await optimizer.step(step, 0.1);
      }),
    );
  }
  for (const optimizer of several) {
    for (const [name, { data }] of Object.entries(optimizer.state))
      expect(
        alone.state[name]!.data.every((value, i) => value === data[i]),
        name,
      ).toBe(true);
    await optimizer.release();
  }
  await alone.release();
});
