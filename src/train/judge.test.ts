import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { createJudge, type Judge } from './judge.ts';
import type { AdversarialSettings } from './train-config.ts';

const size = 32;
const settings: AdversarialSettings = {
  weight: 1,
  from: 1,
  ndf: 4,
  n_layers: 2,
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

async function open(microBatches: number): Promise<Judge> {
  const sizes = { microBatch: 1, microBatches, size, seed: 5 };
  const judge = await createJudge(runtime, settings, sizes, { oneAtATime: false });
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
});
