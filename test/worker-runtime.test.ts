import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { emitModel } from '../src/graph/onnx/emit-model.ts';
import { add, input, log, matmul } from '../src/graph/ops.ts';
import type * as WorkerRuntimeModule from '../src/platform/node/engine/worker-runtime.ts';
import { NonFiniteError } from '../src/runtime/runtime.ts';
import { hostTensor } from '../src/tensor/host-tensor.ts';

const built = new URL('../dist/platform/node/engine/worker-runtime.js', import.meta.url);
const unbound = () => ({ kind: 'input' }) as const;

/** Needs the built package: Node runs no worker from TypeScript. */
describe.skipIf(!existsSync(built))('a runtime in a thread of its own', async () => {
  const { createWorkerRuntime } = (await import(built.href)) as typeof WorkerRuntimeModule;

  it('computes, copies nothing back over what was fed, and writes into outputs that are given', async () => {
    const runtime = await createWorkerRuntime({ device: 'cpu', threads: 1 });
    expect(runtime.device).toBe('cpu');
    const x = input('x', [2, 2]);
    const session = await runtime.createSession(emitModel('sums', { y: add(x, 1), z: add(x, 2) }, unbound));
    const fed = hostTensor([2, 2], Float32Array.of(1, 2, 3, 4));
    const y = hostTensor([2, 2]);
    const results = await session.run({ x: fed, other: hostTensor([1]) }, { y });
    expect(results['y']).toBe(y);
    expect([...y.data]).toEqual([2, 3, 4, 5]);
    expect([...results['z']!.data]).toEqual([3, 4, 5, 6]);
    expect([...fed.data]).toEqual([1, 2, 3, 4]);
    await session.release();
  });

  it('leaves the event loop free while a network runs', async () => {
    const runtime = await createWorkerRuntime({ device: 'cpu', threads: 1 });
    const n = 1024;
    const model = emitModel('product', { c: matmul(input('a', [n, n]), input('b', [n, n])) }, unbound);
    const session = await runtime.createSession(model);
    let done = false;
    const run = session.run({ a: hostTensor([n, n]), b: hostTensor([n, n]) }).finally(() => (done = true));
    // A network on this thread would let hardly any turn of the loop pass.
    let turns = 0;
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    await run;
    expect(turns).toBeGreaterThan(20);
    await session.release();
  });

  it('reports errors as the other runtime does', async () => {
    const runtime = await createWorkerRuntime({ device: 'cpu', threads: 1 });
    const session = await runtime.createSession(emitModel('logs', { y: log(input('x', [2])) }, unbound));
    await expect(session.run({})).rejects.toThrow(new RangeError('Cannot run logs: input x is missing'));
    const negative = { x: hostTensor([2], Float32Array.of(-1, 1)) };
    await expect(session.run(negative)).rejects.toThrow(NonFiniteErrorName);
    expect([...(await session.run({ x: hostTensor([2], Float32Array.of(1, 1)) }))['y']!.data]).toEqual([
      0, 0,
    ]);
    const broken = {
      ...emitModel('broken', { y: add(input('x', [2]), 1) }, unbound),
      bytes: new Uint8Array(3),
    };
    await expect(runtime.createSession(broken)).rejects.toThrow('Cannot load broken on cpu');
    const gpu = 'quantum' as 'cuda';
    await expect(createWorkerRuntime({ device: gpu })).rejects.toThrow('Cannot use quantum');
  });
});

/** The built package has a class of its own. */
const NonFiniteErrorName = new RegExp(new NonFiniteError('logs gave NaN or infinity in y').message);
