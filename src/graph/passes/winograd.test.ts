import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { type Runtime, withSession } from '../../runtime/runtime.ts';
import { graphFlops } from '../cost.ts';
import { topologicalOrder } from '../graph.ts';
import { emitModel } from '../onnx/emit-model.ts';
import { sampleTensor } from '../op-cases.test-support.ts';
import { add, conv, input, parameter, relu, resizeNearest } from '../ops.ts';
import type { Shape, Value } from '../value.ts';
import { useWinograd } from './winograd.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

const wholeImage = { minSide: 4, bandBytes: 2 ** 30 };
/** Bytes of transformed input that one row of tiles takes. */
const rowBytes = (channels: number, width: number): number => 4 * 36 * channels * (width / 4);

/** 3×3 convolution of stride 1 padded by one, of `channels` to `outChannels`. */
function convolution(x: Value, outChannels: number, bias = true): Value {
  const weight = parameter('conv.weight', [outChannels, x.shape[1]!, 3, 3]);
  return conv(x, weight, bias ? parameter('conv.bias', [outChannels]) : undefined, { padding: 1 });
}

async function run(outputs: Readonly<Record<string, Value>>, shape: Shape): Promise<Float32Array> {
  const model = emitModel('winograd', outputs, (_, parameterShape) => ({
    kind: 'inline',
    data: sampleTensor(parameterShape, 1).data,
  }));
  const feeds = { x: sampleTensor(shape, 2) };
  return (await withSession(runtime, model, (session) => session.run(feeds)))['y']!.data;
}

interface Case {
  readonly name: string;
  readonly shape: Shape;
  readonly build: (x: Value) => Value;
  readonly bandBytes?: number;
  /** Bands that each image falls into. */
  readonly bands: number;
}

const cases: readonly Case[] = [
  { name: 'a square image', shape: [1, 32, 16, 16], build: (x) => convolution(x, 40), bands: 1 },
  { name: 'no bias', shape: [1, 32, 8, 8], build: (x) => convolution(x, 32, false), bands: 1 },
  { name: 'a single tile', shape: [1, 32, 4, 4], build: (x) => convolution(x, 32), bands: 1 },
  { name: 'a wide image', shape: [1, 32, 8, 20], build: (x) => convolution(x, 32), bands: 1 },
  { name: 'a tall image, batch of two', shape: [2, 33, 20, 12], build: (x) => convolution(x, 35), bands: 1 },
  {
    name: 'a band for each row of tiles',
    shape: [1, 32, 20, 8],
    build: (x) => convolution(x, 32),
    bandBytes: 1,
    bands: 5,
  },
  {
    name: 'bands that do not divide the rows, batch of two',
    shape: [2, 32, 28, 8],
    build: (x) => convolution(x, 32),
    bandBytes: 3 * rowBytes(32, 8) + 1,
    bands: 3,
  },
  {
    name: 'an image enlarged by two',
    shape: [2, 32, 6, 10],
    build: (x) => convolution(resizeNearest(x, [12, 20]), 32),
    bands: 1,
  },
  {
    name: 'an image enlarged by two, in bands',
    shape: [1, 32, 14, 4],
    build: (x) => convolution(resizeNearest(x, [28, 8]), 32),
    bandBytes: 2 * rowBytes(32, 8),
    bands: 4,
  },
  {
    name: 'an image enlarged by two in height only',
    shape: [1, 32, 6, 8],
    build: (x) => convolution(resizeNearest(x, [12, 8]), 32),
    bands: 1,
  },
];

describe('useWinograd', () => {
  it.each(cases)('computes the convolution of $name', async ({ shape, build, bandBytes, bands }) => {
    const y = build(input('x', shape));
    const rewritten = useWinograd({ y }, { ...wholeImage, ...(bandBytes && { bandBytes }) });
    const order = topologicalOrder([rewritten.y]);
    expect(order.filter(({ op }) => op === 'WinogradProduct')).toHaveLength(bands * shape[0]!);
    expect(rewritten.y.shape).toEqual(y.shape);

    const direct = await run({ y }, shape);
    const winograd = await run(rewritten, shape);
    const largest = direct.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const difference = winograd.reduce((most, v, i) => Math.max(most, Math.abs(v - direct[i]!)), 0);
    // The transforms' coefficients reach 8 and cancel: some hundred float32 roundings instead of a few.
    expect(difference / largest).toBeLessThan(2e-5);
  });

  it('reads an enlarged image through the smaller one', () => {
    const y = convolution(resizeNearest(input('x', [1, 32, 8, 8]), [16, 16]), 32);
    const rewritten = useWinograd({ y }, wholeImage);
    expect(topologicalOrder([rewritten.y]).map(({ op }) => op)).not.toContain('ResizeNearest');
  });

  it('saves arithmetic', () => {
    const y = convolution(input('x', [1, 128, 64, 64]), 128);
    const rewritten = useWinograd({ y }, wholeImage);
    expect(graphFlops([rewritten.y])).toBeLessThan(graphFlops([y]) / 2);
  });

  const x = input('x', [1, 64, 16, 16]);
  const weight = (...shape: number[]): Value => parameter('w', shape);
  it.each<[why: string, y: Value]>([
    ['a 1×1 kernel', conv(x, weight(64, 64, 1, 1))],
    ['a 5×5 kernel', conv(x, weight(64, 64, 5, 5), undefined, { padding: 2 })],
    ['a stride', conv(x, weight(64, 64, 3, 3), undefined, { padding: 1, stride: 2 })],
    ['no padding', conv(x, weight(64, 64, 3, 3))],
    ['uneven padding', conv(x, weight(64, 64, 3, 3), undefined, { padding: [0, 0, 2, 2] })],
    ['a dilation', conv(x, weight(64, 64, 3, 3), undefined, { padding: 2, dilation: 2 })],
    ['groups', conv(x, weight(64, 32, 3, 3), undefined, { padding: 1, groups: 2 })],
    ['few channels out', conv(x, weight(31, 64, 3, 3), undefined, { padding: 1 })],
    ['few channels in', convolution(input('x', [1, 31, 16, 16]), 64)],
    ['a side below the least', convolution(input('x', [1, 64, 16, 12]), 64)],
    ['sides that are no multiple of a tile', convolution(input('x', [1, 64, 16, 18]), 64)],
    ['one axis', conv(input('x', [1, 64, 16]), weight(64, 64, 3), undefined, { padding: 1 })],
  ])('leaves a convolution with %s as it is', (_, y) => {
    const user = relu(y);
    const rewritten = useWinograd({ y, user }, { ...wholeImage, minSide: 16 });
    expect(rewritten.y).toBe(y);
    expect(rewritten.user).toBe(user);
  });

  it('transforms the kernels once for all images of a batch', () => {
    const transforms = (batch: number): number => {
      const { y } = useWinograd({ y: convolution(input('x', [batch, 32, 8, 8]), 32) }, wholeImage);
      return topologicalOrder([y]).filter(({ inputs }) => inputs.some(({ op }) => op === 'Parameter')).length;
    };
    expect(transforms(3)).toBe(transforms(1));
  });

  it('rewrites chains, and shares what does not depend on them', async () => {
    const shape: Shape = [1, 32, 8, 8];
    const source = input('x', shape);
    const kept = relu(source);
    const y = add(conv(convolution(kept, 32), weight(32, 32, 3, 3), undefined, { padding: 1 }), kept);
    const rewritten = useWinograd({ y, kept }, wholeImage);
    expect(rewritten.kept).toBe(kept);
    const order = topologicalOrder([rewritten.y]);
    expect(order.filter(({ op }) => op === 'WinogradProduct')).toHaveLength(2);
    expect(order).toContain(kept);
    const direct = await run({ y }, shape);
    const winograd = await run({ y: rewritten.y }, shape);
    const largest = direct.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const difference = winograd.reduce((most, v, i) => Math.max(most, Math.abs(v - direct[i]!)), 0);
    expect(difference / largest).toBeLessThan(4e-5); // two convolutions, 2e-5 each
  });
});
