import { beforeAll, describe, expect, it } from 'vitest';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { type HandMadeGraph, handMadeModel } from '../../graph/onnx/hand-made-model.test-support.ts';
import { readModel } from '../../graph/onnx/read-model.ts';
import { input, mul } from '../../graph/ops.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { createOnnxRestorer } from './create-onnx-restorer.ts';
import type { RestorerConfig } from './restorer-config.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1 });
});

const size = 16;
/** Two faces, every value another, in [-1, 1]. */
const faces = hostTensor(
  [2, 3, size, size],
  Float32Array.from({ length: 6 * size * size }, (_, i) => (2 * ((i * 7919) % 1000)) / 999 - 1),
);
/** Red is halved, green kept, blue turned round. */
const perChannel = [0.5, 1, -1] as const;
const expected = faces.data.map((value, i) => value * perChannel[Math.floor(i / size ** 2) % 3]!);

async function restore(bytes: Uint8Array, config: RestorerConfig = {}, options = {}) {
  const file = { name: 'net.onnx', bytes, contents: readModel(bytes) };
  const restorer = await createOnnxRestorer(runtime, file, config);
  try {
    const result = await restorer.restore(faces, options);
    return { restorer, result, furthest: furthest(result.data) };
  } finally {
    await restorer.release();
  }
}
const furthest = (data: Float32Array, wanted: Float32Array = expected) =>
  data.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);

const nchw = [1, 3, size, size];
const nhwc = [1, size, size, 3];
/** A file that multiplies by `factors`, around `middle`: what is gray stays. */
const scaling = (
  {
    type,
    shape,
    factors,
    middle,
  }: {
    type: 'float32' | 'float16' | 'uint8';
    shape: readonly (number | string)[];
    factors: readonly number[];
    middle: number;
  },
  opset: number,
): Uint8Array => {
  const dims = shape[1] === 3 ? [1, 3, 1, 1] : [1, 1, 1, 3];
  const to = { float32: 1, float16: 10, uint8: 2 }[type];
  return handMadeModel(
    {
      nodes: [
        { op: 'Cast', inputs: ['in'], outputs: ['a'], attributes: { to: 1 } },
        { op: 'Sub', inputs: ['a', 'middle'], outputs: ['b'] },
        { op: 'Mul', inputs: ['b', 'factors'], outputs: ['c'] },
        { op: 'Add', inputs: ['c', 'middle'], outputs: ['d'] },
        { op: 'Cast', inputs: ['d'], outputs: ['out'], attributes: { to } },
      ],
      inputs: [{ name: 'in', type, shape }],
      outputs: [{ name: 'out', type, shape }],
      tensors: [
        { name: 'middle', dims: [1], data: Float32Array.of(middle) },
        { name: 'factors', dims, data: Float32Array.from(factors) },
      ],
    },
    opset,
  );
};
const reversed = perChannel.toReversed();

describe('a restorer in ONNX', () => {
  it('takes what our own emitter writes', async () => {
    const y = mul(input('x', nchw), 0.5);
    const { bytes } = emitModel('half', { y }, () => ({ kind: 'input' }));
    const { restorer, result } = await restore(bytes);
    expect(restorer).toMatchObject({ imageSize: size, fidelity: undefined });
    expect(result.shape).toEqual(faces.shape);
    expect(
      furthest(
        result.data,
        faces.data.map((value) => value / 2),
      ),
    ).toBeLessThan(1e-6);
  });

  it.each<[what: string, bytes: Uint8Array, config: RestorerConfig, tolerance: number]>([
    [
      'opset 9, RGB in [-1, 1]',
      scaling({ type: 'float32', shape: nchw, factors: perChannel, middle: 0 }, 9),
      {},
      1e-6,
    ],
    [
      'opset 11, BGR in [0, 1], channels last',
      scaling({ type: 'float32', shape: nhwc, factors: reversed, middle: 0.5 }, 11),
      { channels: 'bgr', range: [0, 1] },
      1e-6,
    ],
    [
      'opset 13, half precision in [0, 255], of any size',
      scaling({ type: 'float16', shape: ['n', 3, 'h', 'w'], factors: perChannel, middle: 127.5 }, 13),
      { range: [0, 255], size },
      2e-3, // half precision has steps of 1/8 at 255
    ],
    [
      'opset 17, bytes, channels last',
      scaling({ type: 'uint8', shape: nhwc, factors: perChannel, middle: 127.5 }, 17),
      {},
      2 / 127.5, // rounded on the way in, cut on the way out
    ],
  ])('takes %s', async (_, bytes, config, tolerance) => {
    expect((await restore(bytes, config)).furthest).toBeLessThan(tolerance);
  });

  const weighted = (name: string, shape: readonly (number | string)[]): Uint8Array =>
    handMadeModel({
      nodes: [
        { op: 'Cast', inputs: [name], outputs: ['w'], attributes: { to: 1 } },
        { op: 'Mul', inputs: ['input', 'w'], outputs: ['output'] },
        { op: 'Neg', inputs: ['input'], outputs: ['logits'] },
      ],
      inputs: [
        { name: 'input', shape: nchw },
        { name, type: 'float64', shape },
      ],
      outputs: [
        { name: 'output', shape: nchw },
        { name: 'logits', shape: nchw },
      ],
    });

  it("feeds further inputs, and takes CodeFormer's weight for the fidelity", async () => {
    const half = faces.data.map((value) => value / 2);
    const usual = await restore(weighted('weight', [1]));
    expect(usual.restorer.fidelity).toBe(0.5);
    expect(furthest(usual.result.data, half)).toBeLessThan(1e-6);
    const all = await restore(weighted('weight', []), {}, { fidelity: 1 });
    expect(furthest(all.result.data, faces.data)).toBeLessThan(1e-6);
    const told = await restore(weighted('strength', ['k']), {
      inputs: { strength: 0.25 },
      fidelity: 'strength',
    });
    expect(told.restorer.fidelity).toBe(0.25);
    const other = await restore(weighted('weight', [1]), { output: 'logits' });
    expect(
      furthest(
        other.result.data,
        faces.data.map((value) => -value),
      ),
    ).toBeLessThan(1e-6);
  });

  it('shrinks what the network makes larger pictures of, and keeps values in their range', async () => {
    const bytes = handMadeModel({
      nodes: [
        { op: 'Add', inputs: ['input', 'input'], outputs: ['double'] },
        { op: 'Slice', inputs: ['double', 'zero', 'half', 'axes'], outputs: ['output'] },
      ],
      inputs: [{ name: 'input', shape: [1, 3, 32, 32] }],
      outputs: [{ name: 'output', shape: nchw }],
      tensors: [
        { name: 'zero', type: 'int64', dims: [2], data: BigInt64Array.of(0n, 0n) },
        { name: 'half', type: 'int64', dims: [2], data: BigInt64Array.of(16n, 16n) },
        { name: 'axes', type: 'int64', dims: [2], data: BigInt64Array.of(2n, 3n) },
      ],
    });
    const { restorer, result } = await restore(bytes);
    expect(restorer.imageSize).toBe(size);
    expect(result.data.every((value) => value >= -1 && value <= 1)).toBe(true);
    expect(result.data.some((value) => value === 1)).toBe(true);
  });

  const ports = (graph: Partial<HandMadeGraph>): Uint8Array =>
    handMadeModel({
      nodes: [{ op: 'Relu', inputs: ['input'], outputs: ['output'] }],
      inputs: [{ name: 'input', shape: nchw }],
      outputs: [{ name: 'output', shape: nchw }],
      ...graph,
    });

  it.each<[what: string, bytes: Uint8Array, config: RestorerConfig, message: string]>([
    [
      'a further input without a value',
      weighted('strength', [1]),
      {},
      'its input strength [1] needs a value',
    ],
    ['values for no input', ports({}), { inputs: { w: 1 } }, 'it has no further input w; it has none'],
    ['another size', ports({}), { size: 512 }, 'input input is 16 x 16, not 512 x 512'],
    [
      'no size',
      ports({ inputs: [{ name: 'input', shape: [1, 3, 'h', 'w'] }] }),
      {},
      'the size it was made for must be told',
    ],
    [
      'no picture',
      ports({ inputs: [{ name: 'input', shape: [1, 512] }] }),
      {},
      'none of its inputs takes a picture: input [1, 512]',
    ],
    [
      'two pictures',
      ports({ inputs: ['a', 'b'].map((name) => ({ name, shape: nchw })) }),
      {},
      'which of its inputs takes the picture must be told: a [1, 3, 16, 16], b',
    ],
    [
      'an output that there is not',
      ports({}),
      { output: 'face' },
      'it has no output face; it has output [1, 3, 16, 16]',
    ],
    [
      'gray pictures',
      ports({ inputs: [{ name: 'input', shape: [1, 1, 16, 16] }] }),
      { input: 'input' },
      'has 1 channels',
    ],
    [
      'no square',
      ports({ inputs: [{ name: 'input', shape: [1, 3, 16, 32] }] }),
      {},
      'input input is 32 x 16; faces are square',
    ],
  ])('refuses %s', async (_, bytes, config, message) => {
    await expect(restore(bytes, config)).rejects.toThrow(`Cannot restore by net.onnx: `);
    await expect(restore(bytes, config)).rejects.toThrow(message);
  });

  it('names the node that fails', async () => {
    const broken = ports({
      nodes: [{ op: 'Reshape', inputs: ['input', 'shape'], outputs: ['output'] }],
      tensors: [{ name: 'shape', type: 'int64', dims: [4], data: BigInt64Array.of(1n, 3n, 5n, 5n) }],
      outputs: [{ name: 'output', shape: ['a', 3, 'b', 'c'] }],
    });
    await expect(restore(broken)).rejects.toThrow('Reshape of output');
    await expect(
      restore(ports({ nodes: [{ op: 'NoSuch', inputs: ['input'], outputs: ['output'] }] })),
    ).rejects.toThrow(/NoSuch/);
  });
});
