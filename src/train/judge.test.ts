import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { FractionalBox } from '../nn/cut-box.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { RandomStream } from '../random/random-stream.ts';
import { type Runtime, withSession } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { createJudge, type Judge } from './judge.ts';
import type { AdversarialSettings } from './train-config.ts';

const size = 32;
const settings: AdversarialSettings = {
  weight: 1,
  from: 1,
  ndf: 4,
  n_layers: 2,
  normalization: 'batch',
  featureMatching: 0,
  optimizer: {
    learningRate: 1e-3,
    betas: [0.9, 0.99],
    epsilon: 1e-8,
    weightDecay: 0,
    schedule: { type: 'constant' },
    warmupIterations: 0,
  },
};

const images = (seed: number): HostTensor => {
  const tensor = hostTensor([1, 3, size, size]);
  new RandomStream(seed).fillNormal(tensor.data);
  return tensor;
};

let runtime: Runtime;
const judges: Judge[] = [];
beforeAll(async () => {
  runtime = await createNodeRuntime({ device: 'cpu' });
});
afterAll(async () => {
  for (const judge of judges) await judge.release();
});

async function open(microBatches: number, adversarial = settings): Promise<Judge> {
  const sizes = { microBatch: 1, microBatches, size, seed: 5 };
  const judge = await createJudge(runtime, adversarial, sizes, { oneAtATime: false });
  judges.push(judge);
  return judge;
}

describe('the judge', () => {
  it.each([2, 5])('averages its gradients over %d micro-batches', async (count) => {
    const [whole, parted] = [await open(1), await open(count)];
    await whole.learn(images(1), images(2));
    // The same micro-batch as often as there are any: their mean is the gradient of one.
    for (let i = 0; i < count; i++) await parted.learn(images(1), images(2));
    const expected = (await whole.step(1)).gradientNorm;
    expect(expected).toBeGreaterThan(0);
    expect((await parted.step(1)).gradientNorm / expected).toBeCloseTo(1, 4);
  });

  it("adds up different micro-batches' gradients, each by its share", async () => {
    const [first, second, both] = [await open(1), await open(1), await open(2)];
    await first.learn(images(1), images(2));
    await second.learn(images(3), images(4));
    await both.learn(images(1), images(2));
    await both.learn(images(3), images(4));
    const norms = [(await first.step(1)).gradientNorm, (await second.step(1)).gradientNorm];
    const { gradientNorm } = await both.step(1);
    // The mean of two vectors is no longer than the mean of their lengths, and no shorter than half their difference.
    expect(gradientNorm).toBeLessThanOrEqual(((norms[0]! + norms[1]!) / 2) * 1.0001);
    expect(gradientNorm).toBeGreaterThanOrEqual(Math.abs(norms[0]! - norms[1]!) / 2);
  });

  it('reports the losses of a micro-batch whole', async () => {
    const [one, four] = [await open(1), await open(4)];
    const expected = await one.learn(images(1), images(2));
    const values = await four.learn(images(1), images(2));
    for (const name of ['loss.d_real', 'loss.d_fake'])
      expect(values[name]!.data[0]! / expected[name]!.data[0]!).toBeCloseTo(1, 5);
  });

  it('judges parts of the images as a batch of their own', async () => {
    const half = size / 2;
    const corner = (left: number, top: number): FractionalBox => ({
      left: left / size,
      top: top / size,
      right: (left + half) / size,
      bottom: (top + half) / size,
    });
    const cut = (image: HostTensor, left: number, top: number): number[] =>
      [0, 1, 2].flatMap((channel) =>
        Array.from({ length: half }, (_, y) => (channel * size + top + y) * size + left).flatMap((start) => [
          ...image.data.subarray(start, start + half),
        ]),
      );
    const parts = (image: HostTensor): HostTensor => ({
      shape: [2, 3, half, half],
      data: Float32Array.from([...cut(image, 0, 8), ...cut(image, 16, 3)]),
    });
    const byBoxes = await open(1, { ...settings, boxes: [corner(0, 8), corner(16, 3)] });
    const byParts = await createJudge(
      runtime,
      settings,
      { microBatch: 2, microBatches: 1, size: half, seed: 5 },
      { oneAtATime: false },
    );
    judges.push(byParts);
    const [real, fake] = [images(1), images(2)];
    const expected = await byParts.learn(parts(real), parts(fake));
    const values = await byBoxes.learn(real, fake);
    for (const name of ['loss.d_real', 'loss.d_fake'])
      expect(values[name]!.data[0]! / expected[name]!.data[0]!).toBeCloseTo(1, 5);
  });

  it('divides weights by their largest singular values, and keeps to them as it learns', async () => {
    const judge = await open(1, { ...settings, normalization: 'spectral' });
    expect(Object.keys(judge.statistics)).toEqual([]);
    for (let step = 1; step <= 3; step++) {
      await judge.learn(images(1), images(2));
      await judge.step(step);
    }
    const weights = Object.entries(judge.parameters).filter(([name]) => name.endsWith('.weight'));
    expect(weights.map(([name]) => name)).toEqual(
      ['0', '2', '5', '8'].map((layer) => `d/main.${layer}.weight`),
    );
    for (const [name, { shape, data }] of weights) {
      const [u, v] = ['u', 'v'].map((side) => judge.parameters[`${name}_${side}`]!.data) as [
        Float32Array,
        Float32Array,
      ];
      const columns = data.length / shape[0]!;
      const times = (vector: Float32Array): number[] =>
        Array.from({ length: shape[0]! }, (_, row) =>
          vector.reduce((sum, value, i) => sum + value * data[row * columns + i]!, 0),
        );
      const byVectors = times(v).reduce((sum, value, row) => sum + value * u[row]!, 0);
      // Many rounds from another start find the largest one.
      let other = new Float32Array(columns).fill(1 / Math.sqrt(columns));
      let largest = 0;
      for (let round = 0; round < 300; round++) {
        const image = times(other);
        largest = Math.hypot(...image);
        const back = other.map((_, i) =>
          image.reduce((sum, value, row) => sum + value * data[row * columns + i]!, 0),
        );
        const length = Math.hypot(...back);
        other = back.map((value) => value / length);
      }
      expect(byVectors / largest, name).toBeGreaterThan(0.9);
      expect(byVectors / largest, name).toBeLessThan(1.0001);
    }
  });

  it('scores alike whatever the size of its weights', async () => {
    const image = input('image', [1, 3, size, size]);
    const run = async (judge: Judge) => {
      const model = emitModel('judge', { scores: judge.look(image).scores }, () => ({ kind: 'input' }));
      return withSession(runtime, model, (session) => session.run({ image: images(1), ...judge.parameters }));
    };
    const judge = await open(1, { ...settings, normalization: 'spectral' });
    const { scores } = await run(judge);
    for (const [name, { data }] of Object.entries(judge.parameters))
      if (name.endsWith('.weight')) for (let i = 0; i < data.length; i++) data[i]! *= 7;
    expect(relativeError((await run(judge))['scores']!.data, scores!.data)).toBeLessThan(1e-5);
  });

  it('refuses parts that differ in size', async () => {
    const boxes = [
      { left: 0, top: 0, right: 0.5, bottom: 0.5 },
      { left: 0, top: 0, right: 1, bottom: 0.5 },
    ];
    await expect(open(1, { ...settings, boxes })).rejects.toThrow(
      'Cannot judge parts of different sizes: 16×16, 32×16 pixels',
    );
  });
});
