import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { relativeError } from '../tensor/host-tensor.ts';
import { createOptimizer, type OptimizerConfig } from './optimizer.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

const shapes = new Map([
  ['a', [3, 5]],
  ['b', [300_001]], // more than one piece
]);
const config: OptimizerConfig = { betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.01, averageDecay: 0.9 };

/** Adam in plain double arithmetic. */
function referenceSteps(start: Float64Array, gradients: readonly Float64Array[], rate: number) {
  const parameter = Float64Array.from(start);
  const average = Float64Array.from(start);
  const mean = new Float64Array(start.length);
  const square = new Float64Array(start.length);
  gradients.forEach((gradient, k) => {
    for (let i = 0; i < start.length; i++) {
      mean[i] = 0.9 * mean[i]! + 0.1 * gradient[i]!;
      square[i] = 0.99 * square[i]! + 0.01 * gradient[i]! ** 2;
      const corrected = mean[i]! / (1 - 0.9 ** (k + 1));
      const deviation = Math.sqrt(square[i]! / (1 - 0.99 ** (k + 1))) + 1e-8;
      parameter[i] = parameter[i]! - rate * (corrected / deviation + 0.01 * parameter[i]!);
      average[i] = 0.9 * average[i]! + 0.1 * parameter[i]!;
    }
  });
  return { parameter, average };
}

describe('the optimiser', () => {
  it('takes the steps of AdamW, in place, on every piece, and averages', async () => {
    const optimizer = await createOptimizer(runtime, shapes, config);
    const count = 300_001;
    const start = new RandomStream(1).fillNormal(new Float32Array(count));
    optimizer.parameters['b']!.data.set(start);
    optimizer.averages['b']!.data.set(start);
    const all: Float64Array[] = [];
    for (let step = 1; step <= 3; step++) {
      const gradient = new RandomStream(2, [step]).fillNormal(new Float32Array(count));
      all.push(Float64Array.from(gradient));
      optimizer.gradients['b']!.data.set(gradient);
      const { gradientNorm } = await optimizer.step(step, 0.1);
      expect(
        gradientNorm / Math.hypot(...[0, Math.sqrt(gradient.reduce((s, g) => s + g * g, 0))]),
      ).toBeCloseTo(1, 5);
    }
    const expected = referenceSteps(Float64Array.from(start), all, 0.1);
    expect(
      relativeError(optimizer.parameters['b']!.data, Float32Array.from(expected.parameter)),
    ).toBeLessThan(1e-6);
    expect(relativeError(optimizer.averages['b']!.data, Float32Array.from(expected.average))).toBeLessThan(
      1e-6,
    );
    expect(optimizer.gradients['b']!.data.every((g) => g === 0)).toBe(true);
    expect(optimizer.parameters['a']!.data.every((x) => x === 0)).toBe(true);
    await optimizer.release();
  });

  it('shortens long gradients', async () => {
    const plain = { betas: [0, 0], epsilon: 1, weightDecay: 0 } as const;
    const optimizer = await createOptimizer(runtime, new Map([['w', [2]]]), { ...plain, maxGradientNorm: 1 });
    optimizer.gradients['w']!.data.set([30, 40]);
    const { gradientNorm } = await optimizer.step(1, 1);
    expect(gradientNorm).toBe(50);
    // g = (0.6, 0.8); the step is g/(|g| + 1).
    expect(optimizer.parameters['w']!.data[0]).toBeCloseTo(-0.6 / 1.6, 6);
    expect(optimizer.parameters['w']!.data[1]).toBeCloseTo(-0.8 / 1.8, 6);
    await optimizer.release();
  });

  it('refuses gradients that are not finite and changes nothing', async () => {
    const optimizer = await createOptimizer(runtime, new Map([['w', [2]]]), config);
    optimizer.parameters['w']!.data.set([1, 2]);
    optimizer.gradients['w']!.data.set([Number.NaN, 1]);
    await expect(optimizer.step(1, 0.1)).rejects.toThrow('NaN');
    expect([...optimizer.parameters['w']!.data]).toEqual([1, 2]);
    await optimizer.release();
  });
});
