import { expect, it } from 'vitest';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { withSession } from '../runtime/runtime.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { addNoise } from './noise.ts';
import { parameterScope } from './parameter-scope.ts';

it('adds one picture of noise to all images and channels, as strongly as each channel says', async () => {
  const [height, width] = [64, 32];
  const runtime = await createNodeRuntime();
  const added = async () => {
    const output = addNoise(parameterScope('part'), input('x', [2, 3, height, width]));
    const weights = hostTensor([3], Float32Array.of(0, 0.5, -0.01));
    const model = emitModel('noise', { output }, () => ({ kind: 'inline', data: weights.data }));
    const x = hostTensor([2, 3, height, width], new Float32Array(2 * 3 * height * width).fill(7));
    const { output: sum } = await withSession(runtime, model, (session) => session.run({ x }));
    return sum!.data.map((value) => value - 7);
  };
  const noise = await added();
  expect(await added()).toEqual(noise);
  const plane = (at: number) => noise.subarray(at * height * width, (at + 1) * height * width);
  expect(plane(0).every((value) => value === 0)).toBe(true);
  const strong = plane(1);
  const mean = strong.reduce((sum, value) => sum + value) / strong.length;
  const variance = strong.reduce((sum, value) => sum + (value - mean) ** 2, 0) / strong.length;
  // 0.5 · 32, within four standard errors of 2,048 draws.
  expect(Math.abs(mean)).toBeLessThan((4 * 16) / Math.sqrt(strong.length));
  expect(Math.abs(Math.sqrt(variance) - 16)).toBeLessThan((4 * 16) / Math.sqrt(2 * strong.length));
  // The weights -0.01 and 0.5; beside 7, float32 keeps six digits of it.
  plane(2).forEach((value, i) => {
    expect(value).toBeCloseTo(strong[i]! / -50, 5);
  });
  expect(plane(4)).toEqual(plane(1));
});
