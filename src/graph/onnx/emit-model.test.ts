import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildUNet } from '../../models/unet/unet.ts';
import { unetConfigSchema } from '../../models/unet/unet-config.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { createNodeRuntime, modelLocation } from '../../platform/node/engine/node-runtime.ts';
import { type Runtime, type Tensors, withSession } from '../../runtime/runtime.ts';
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from '../../tensor/half.ts';
import { elementCount, hostTensor } from '../../tensor/host-tensor.ts';
import { opCases, sampleTensor } from '../op-cases.test-support.ts';
import { add, input, matmul, mul, parameter, relu } from '../ops.ts';
import { useWinograd } from '../passes/winograd.ts';
import type { OpType, Shape, Value } from '../value.ts';
import { emitModel, type OnnxModel, type ParameterBinding } from './emit-model.ts';

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = await createNodeRuntime();
  folder = await mkdtemp(path.join(tmpdir(), 'emit-model-'));
});
afterAll(() => rm(folder, { recursive: true }));

const run = (model: OnnxModel, feeds: Tensors): Promise<Tensors> =>
  withSession(runtime, model, (session) => session.run(feeds));

const inline = (_: string, shape: Shape): ParameterBinding => ({
  kind: 'inline',
  data: sampleTensor(shape, 3).data,
});

/** A UNet with every kind of block, at sizes that take a moment. */
function microUNet(): Value {
  const config = unetConfigSchema.parse({
    block_out_channels: [32, 64],
    layers_per_block: 1,
    down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
    attention_head_dim: 2,
    cross_attention_dim: 16,
    norm_num_groups: 8,
    time_cond_proj_dim: 16,
  });
  return buildUNet(parameterScope('unet'), config, {
    latents: input('latents', [1, 4, 8, 8]),
    timestep: input('timestep', [1, 32]),
    guidance: input('guidance', [1, 16]),
    context: input('context', [1, 5, 16]),
  });
}

/** Every operation's cases in one graph. */
function everyOperation(): Record<string, Value> {
  const outputs: Record<string, Value> = {};
  for (const op of Object.keys(opCases) as OpType[])
    opCases[op].forEach(({ inputs, build }, i) => {
      const leaves = inputs.map((shape, k) => input(`${op}${i}.x${k}`, shape));
      outputs[`${op}${i}`] = build(...leaves);
    });
  return outputs;
}

const graphs: Readonly<Record<string, () => Record<string, Value>>> = {
  'a UNet': () => ({ eps: microUNet() }),
  'a UNet with Winograd convolutions': () =>
    useWinograd({ eps: microUNet() }, { minSide: 4, bandBytes: 20_000 }),
  'every operation': everyOperation,
};

describe('a parameter', () => {
  const shape: Shape = [3, 4];
  const x = input('x', [2, 3]);
  const y = add(matmul(x, parameter('net/w', shape)), 0);
  const feeds = { x: hostTensor([2, 3], Float32Array.of(1, 0, 0, 0, 0, 1)) }; // picks rows 0 and 2
  const weight = sampleTensor(shape, 1).data;
  const picked = (values: Float32Array): number[] => [...values.subarray(0, 4), ...values.subarray(8)];

  it.each([
    { dtype: 'float32', stored: weight, expected: weight },
    {
      dtype: 'float16',
      stored: float32ToFloat16(weight),
      expected: float16ToFloat32(float32ToFloat16(weight)),
    },
    {
      dtype: 'bfloat16',
      stored: float32ToBfloat16(weight),
      expected: bfloat16ToFloat32(float32ToBfloat16(weight)),
    },
  ] as const)('in a file is read in place as $dtype, at any offset', async ({ dtype, stored, expected }) => {
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    for (const offset of [0, 1, 7, 4098]) {
      const file = path.join(folder, `${dtype}-${offset}.bin`);
      const contents = new Uint8Array(offset + bytes.length + 5).fill(0xff); // NaN on both sides
      contents.set(bytes, offset);
      await writeFile(file, contents);
      const location = modelLocation(file);
      const binding = { kind: 'external', location, offset, byteLength: bytes.length, dtype } as const;
      const model = emitModel('external', { y }, () => binding);
      expect([...model.locations]).toEqual([location]);
      expect([...(await run(model, feeds))['y']!.data]).toEqual(picked(expected));
    }
  });

  it('in a file is read in place as int8, each row with its scale', async () => {
    const whole = Int8Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? 10 * i : -127));
    const scales = Float32Array.of(0.5, 1, 0.25);
    const file = path.join(folder, 'int8.bin');
    await writeFile(
      file,
      Buffer.concat([Buffer.from(scales.buffer), Buffer.from([1]), Buffer.from(whole.buffer)]),
    );
    const binding = {
      kind: 'external',
      location: modelLocation(file),
      offset: 13,
      byteLength: 12,
      dtype: 'int8',
      rowScales: { offset: 0, byteLength: 12 },
    } as const;
    const results = await run(
      emitModel('external', { y }, () => binding),
      feeds,
    );
    const scaled = Float32Array.from(whole, (value, i) => value * scales[Math.floor(i / 4)]!);
    expect([...results['y']!.data]).toEqual(picked(scaled));
  });

  it('may be copied into the model, from any part of a buffer', async () => {
    const buffer = new Float32Array(20).fill(Number.NaN);
    buffer.set(weight, 5);
    const data = buffer.subarray(5, 17);
    const model = emitModel('inline', { y }, () => ({ kind: 'inline', data }));
    expect([...model.inputs.keys()]).toEqual(['x']);
    expect(model.locations.size).toBe(0);
    expect([...(await run(model, feeds))['y']!.data]).toEqual(picked(weight));
  });

  it('may be fed at every run', async () => {
    const model = emitModel('fed', { y }, () => ({ kind: 'input' }));
    expect([...model.inputs]).toEqual([
      ['x', [2, 3]],
      ['net/w', shape],
    ]);
    const results = await run(model, { ...feeds, 'net/w': hostTensor(shape, weight) });
    expect([...results['y']!.data]).toEqual(picked(weight));
    await expect(run(model, feeds)).rejects.toThrow('Cannot run fed: input net/w is missing');
  });

  it('is bound by its name and shape, once', () => {
    const w = parameter('net/w', [2]);
    const asked: unknown[] = [];
    emitModel('asked', { a: relu(w), b: mul(w, 2) }, (...question) => {
      asked.push(question);
      return { kind: 'inline', data: new Float32Array(2) };
    });
    expect(asked).toEqual([['net/w', [2]]]);
  });

  it('cannot be bound to another number of values', () => {
    const bind = (): ParameterBinding => ({ kind: 'inline', data: new Float32Array(11) });
    expect(() => emitModel('short', { y }, bind)).toThrow(
      'Cannot bind net/w [3, 4] to 11 values: counts differ',
    );
  });
});

describe('a model', () => {
  it('refuses two inputs of one name', () => {
    const twice = add(input('x', [2]), input('x', [2]));
    expect(() => emitModel('twice', { twice }, inline)).toThrow('Input x was made twice');
  });

  it('gives outputs that are inputs, parameters or one another', async () => {
    const x = input('x', [2]);
    const w = parameter('w', [2]);
    const y = relu(x);
    const model = emitModel('aliases', { x2: x, w2: w, y, y2: y }, inline);
    const results = await run(model, { x: hostTensor([2], Float32Array.of(-1, 2)) });
    expect(Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, [...data]]))).toEqual({
      x2: [-1, 2],
      w2: [...sampleTensor([2], 3).data],
      y: [0, 2],
      y2: [0, 2],
    });
  });

  it.each(Object.keys(graphs))('of %s is the same bytes every time', (name) => {
    const emit = (): Uint8Array => emitModel('same', graphs[name]!(), inline).bytes;
    expect(Buffer.compare(emit(), emit())).toBe(0);
  });

  it.each(Object.keys(graphs))('of %s loads and runs without a warning', async (name) => {
    const model = emitModel('quiet', graphs[name]!(), inline);
    const file = path.join(folder, `${name}.onnx`);
    await writeFile(file, model.bytes);
    const feeds = [...model.inputs].map(([key, shape]) => [key, shape, elementCount(shape)]);
    const script = `
      import ort from 'onnxruntime-node';
      const session = await ort.InferenceSession.create(${JSON.stringify(file)}, {
        graphOptimizationLevel: 'extended',
        logSeverityLevel: 2,
      });
      const feeds = ${JSON.stringify(feeds)}.map(([key, shape, count]) => [
        key,
        new ort.Tensor('float32', new Float32Array(count).fill(0.5), shape),
      ]);
      const results = await session.run(Object.fromEntries(feeds));
      console.log(Object.keys(results).length);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe(`${model.outputs.size}`);
  });
});
