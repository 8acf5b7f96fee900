import { beforeAll, expect, it } from 'vitest';
import { gradients } from '../graph/gradient/gradient.ts';
import { emitModel, noParameters } from '../graph/onnx/emit-model.ts';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { tensorToPixels } from '../image/pixel-tensor.ts';
import { ssim } from '../metrics/ssim.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { type Runtime, withSession } from '../runtime/runtime.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { featureMatchingLoss, gridLoss, psnrLoss, ssimLoss } from './losses.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

it('averages the PSNR of images, not their errors', async () => {
  const shape = [2, 3, 8, 8];
  const truth = sampleTensor(shape, 1);
  const restored = sampleTensor(shape, 1);
  const count = restored.data.length / 2;
  // Errors of 0.1 and 0.4 everywhere: 26.02 and 13.98 dB of a range of 2.
  for (let i = 0; i < 2 * count; i++) restored.data[i]! += i < count ? 0.1 : -0.4;
  const [a, b] = [input('restored', shape), input('truth', shape)];
  const loss = psnrLoss(a, b);
  const [gradient] = gradients(loss, [a]) as [Value];
  const model = emitModel('psnr', { loss, gradient }, noParameters);
  const run = (other: typeof restored) =>
    withSession(runtime, model, (session) => session.run({ restored: other, truth }));
  const values = await run(restored);
  const [good, bad] = [0.1, 0.4].map((error) => 20 * Math.log10(2 / error)) as [number, number];
  expect(values['loss']!.data[0]).toBeCloseTo(-(good + bad) / 2, 4);
  // d/dx of 10/ln 10·ln(mean square)/2: an error's part of the square, the same for both images but for its sign.
  const slope = (error: number): number => (10 / Math.LN10 / 2) * (2 / count / error);
  expect(values['gradient']!.data[0]).toBeCloseTo(slope(0.1), 5);
  expect(values['gradient']!.data[count]).toBeCloseTo(slope(-0.4), 5);
  const equal = await run(hostTensor(shape, truth.data));
  expect(equal['loss']!.data[0]).toBeCloseTo(-100, 2);
});

it('takes the SSIM of windows of 6 pixels, nearly that of the metric, and its gradient', async () => {
  const [height, width] = [48, 57];
  const shape = [1, 3, height, width];
  const smooth = (seed: number) => (i: number) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    return 0.6 * Math.sin(x / (3 + seed)) * Math.cos(y / (5 - seed));
  };
  const tensorOf = (value: (i: number) => number) =>
    hostTensor(
      shape,
      Float32Array.from({ length: 3 * height * width }, (_, i) => value(i)),
    );
  const truth = tensorOf(smooth(0));
  const restored = tensorOf((i) => 0.6 * smooth(0)(i) + 0.3 * smooth(2)(i) + 0.05);
  const [a, b] = [input('restored', shape), input('truth', shape)];
  const loss = ssimLoss(a, b);
  const [gradient] = gradients(loss, [a]) as [Value];
  const model = emitModel('ssim', { loss, gradient }, noParameters);
  await withSession(runtime, model, async (session) => {
    const at = async (image: typeof restored) =>
      (await session.run({ restored: image, truth }))['loss']!.data[0]!;
    const metric = ssim(tensorToPixels(restored), tensorToPixels(truth));
    expect(Math.abs(1 - (await at(restored)) - metric)).toBeLessThan(0.02);
    expect(metric).toBeLessThan(0.95);
    expect(await at(truth)).toBeCloseTo(0, 5);
    // Along the gradient, by as little as float32 can tell.
    const { gradient } = await session.run({ restored, truth });
    const square = gradient!.data.reduce((sum, x) => sum + x * x, 0);
    const step = 0.02 / Math.sqrt(square);
    const moved = (by: number) =>
      hostTensor(
        shape,
        restored.data.map((x, i) => x + by * gradient!.data[i]!),
      );
    const slope = ((await at(moved(step))) - (await at(moved(-step)))) / (2 * step);
    expect(slope / square).toBeCloseTo(1, 2);
  });
  expect(() => ssimLoss(input('a', [1, 3, 5, 9]), input('b', [1, 3, 5, 9]))).toThrow('SSIM of 9 x 5 pixels');
});

it('compares features layer by layer, each layer counting alike', async () => {
  const shapes = [
    [1, 2, 4, 4],
    [1, 3, 2, 2],
  ];
  const names = (kind: string): Value[] => shapes.map((shape, i) => input(`${kind}${i}`, shape));
  const loss = featureMatchingLoss(names('fake'), names('real'));
  const model = emitModel('features', { loss }, noParameters);
  const feeds = Object.fromEntries(
    shapes.flatMap((shape, i) => {
      const real = sampleTensor(shape, i);
      // 0.5 apart everywhere in the first layer, 0.1 in the second.
      const fake = hostTensor(
        shape,
        real.data.map((value, k) => value + (k % 2 === 0 ? 1 : -1) * [0.5, 0.1][i]!),
      );
      return [
        [`real${i}`, real],
        [`fake${i}`, fake],
      ];
    }),
  );
  const values = await withSession(runtime, model, (session) => session.run(feeds));
  expect(values['loss']!.data[0]).toBeCloseTo(0.3, 5);
});

it('counts what an error repeats from tile to tile, and little else', async () => {
  const shape = [1, 3, 64, 64];
  const [a, b] = [input('restored', shape), input('truth', shape)];
  const loss = gridLoss(a, b);
  const [gradient] = gradients(loss, [a]) as [Value];
  const model = emitModel('grid', { loss, gradient }, noParameters);
  const truth = sampleTensor(shape, 1);
  const run = (error: (i: number) => number) =>
    withSession(runtime, model, (session) =>
      session.run({
        restored: hostTensor(
          shape,
          truth.data.map((x, i) => x + error(i)),
        ),
        truth,
      }),
    );
  const noise = sampleTensor(shape, 2);
  const noiseSquare = noise.data.reduce((sum, x) => sum + x * x, 0) / noise.data.length;
  for (const period of [2, 4, 8, 16]) {
    // Half the columns of every period 0.1 higher than the other half: 0.05 from their mean.
    const { loss, gradient } = await run((i) => (i % period < period / 2 ? 0.1 : 0));
    // Tiles of 4 pixels do not repeat what takes 8, nor those of 8 what takes 16.
    const times = period === 16 ? 1 : period === 8 ? 2 : 3;
    expect(loss!.data[0]).toBeCloseTo(times * 0.05 ** 2, 6);
    expect(gradient!.data[0]).toBeCloseTo((times * 2 * 0.05) / truth.data.length, 9);
  }
  expect((await run(() => 0.3)).loss!.data[0]).toBeCloseTo(0, 9);
  expect((await run((i) => noise.data[i]!)).loss!.data[0]).toBeLessThan(noiseSquare / 4);
});

it('refuses images whose sides do not hold whole tiles', () => {
  const image = input('restored', [1, 3, 64, 96]);
  expect(() => gridLoss(image, image)).toThrow('96 x 64: the sides must be multiples of 64');
});
