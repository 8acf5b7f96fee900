import { beforeAll, describe, expect, it } from 'vitest';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input, mul, parameter, reduceMean, relu, sigmoid } from '../graph/ops.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { buildGradientProgram } from './gradient-program.ts';
import { loadProgram } from './loaded-program.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ device: 'cpu' });
});

/** The runtime, with a count of the sessions that are loaded. */
function counted() {
  const sessions = { loaded: 0, most: 0, created: 0 };
  const counting: Runtime = {
    ...runtime,
    async createSession(model) {
      const session = await runtime.createSession(model);
      sessions.created++;
      sessions.loaded++;
      sessions.most = Math.max(sessions.most, sessions.loaded);
      return {
        name: session.name,
        run: (feeds, outputs) => session.run(feeds, outputs),
        release: () => {
          sessions.loaded--;
          return session.release();
        },
      };
    },
  };
  return { counting, sessions };
}

const shape = [64];
const w = parameter('net/w', shape);
const x = input('x', shape);
let h = mul(w, x);
for (let i = 0; i < 4; i++) h = sigmoid(relu(h));
const program = buildGradientProgram({
  name: 'test',
  loss: reduceMean(h),
  outputs: {},
  trained: new Set(['net/w']),
  bind: () => ({ kind: 'input' }),
  activationBytes: 600,
});
const feeds = () => ({ x: sampleTensor(shape, 1), 'net/w': sampleTensor(shape, 2) });

describe('a loaded program', () => {
  it('keeps its sessions from run to run, until it is released', async () => {
    const { counting, sessions } = counted();
    const loaded = loadProgram(counting, program, { oneAtATime: false });
    expect(sessions.created).toBe(0);
    const gradients = { 'net/w': hostTensor(shape) };
    await loaded.run(feeds(), gradients);
    await loaded.run(feeds(), gradients);
    expect(program.parts.length).toBeGreaterThan(3);
    expect(sessions).toEqual({
      loaded: program.parts.length,
      most: program.parts.length,
      created: program.parts.length,
    });
    await loaded.release();
    expect(sessions.loaded).toBe(0);
  });

  it('holds one session at a time where it is told to, with the same result', async () => {
    const { counting, sessions } = counted();
    const kept = loadProgram(runtime, program, { oneAtATime: false });
    const seen: string[] = [];
    const single = loadProgram(counting, program, {
      oneAtATime: true,
      onPart: ({ model }, ms) => seen.push(`${model.name} ${ms >= 0}`),
    });
    const [expected, gradients] = [{ 'net/w': hostTensor(shape) }, { 'net/w': hostTensor(shape) }];
    const { loss } = await kept.run(feeds(), expected);
    expect((await single.run(feeds(), gradients))['loss']!.data).toEqual(loss!.data);
    expect(gradients).toEqual(expected);
    expect(sessions).toEqual({ loaded: 1, most: 1, created: program.parts.length });
    expect(seen).toEqual(program.parts.map(({ model }) => `${model.name} true`));
    await single.release();
    await kept.release();
    expect(sessions.loaded).toBe(0);
  });
});
