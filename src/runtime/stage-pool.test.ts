import { beforeEach, describe, expect, it } from 'vitest';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { add, input } from '../graph/ops.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import type { Runtime } from './runtime.ts';
import { createStagePool, type StageModel, type StagePool } from './stage-pool.ts';

type Stage = 'one' | 'two' | 'three';

/** A stage that adds a number. */
function stage(name: string, amount: number, weightBytes: number, scratchBytes = 0): StageModel {
  const y = add(input('x', [2]), amount);
  const model = emitModel(name, { y }, () => ({ kind: 'input' }));
  return { model, weightBytes, scratchBytes };
}

const models: Readonly<Record<Stage, StageModel>> = {
  one: stage('one', 1, 100),
  two: stage('two', 2, 200),
  three: stage('three', 3, 300),
};

/** What was loaded and released, in order. */
let events: string[];
/** Stages that are loaded now. */
let alive: Set<string>;

/** The real runtime, noting what it loads. */
async function observedRuntime(): Promise<Runtime> {
  const runtime = await createNodeRuntime({ threads: 1 });
  return {
    ...runtime,
    async createSession(model) {
      const session = await runtime.createSession(model);
      events.push(`+${model.name}`);
      alive.add(model.name);
      return {
        ...session,
        async release() {
          await session.release();
          events.push(`-${model.name}`);
          alive.delete(model.name);
        },
      };
    },
  };
}

async function runAll(pool: StagePool<Stage>, stages: readonly Stage[]): Promise<number[]> {
  const results: number[] = [];
  for (const name of stages) {
    const { y } = await pool.run(name, { x: hostTensor([2], Float32Array.of(10, 20)) });
    results.push(y!.data[0]!);
  }
  return results;
}

describe('a stage pool', () => {
  let runtime: Runtime;
  beforeEach(async () => {
    events = [];
    alive = new Set();
    runtime = await observedRuntime();
  });

  it('loads a stage when it first runs, and runs it', async () => {
    const pool = createStagePool(runtime, models, Number.POSITIVE_INFINITY);
    expect(pool.loadMs).toBe(0);
    expect(await runAll(pool, ['two', 'one'])).toEqual([12, 11]);
    expect(events).toEqual(['+two', '+one']);
    expect(pool.loadMs).toBeGreaterThan(0);
    await pool.release();
  });

  it('loads all stages together where the budget allows, and else none', async () => {
    const roomy = createStagePool(runtime, models, 600);
    await roomy.load();
    expect([...alive].sort()).toEqual(['one', 'three', 'two']);
    expect(await runAll(roomy, ['three', 'one'])).toEqual([13, 11]);
    expect(events).toHaveLength(3);
    await roomy.load();
    expect(events).toHaveLength(3);
    await roomy.release();
    expect(alive.size).toBe(0);
    const narrow = createStagePool(runtime, models, 599);
    await narrow.load();
    expect(alive.size).toBe(0);
  });

  it('keeps what it has loaded where a stage cannot be, until it is released', async () => {
    const broken = { ...models.two, model: { ...models.two.model, bytes: new Uint8Array([1, 2, 3]) } };
    const pool = createStagePool(runtime, { ...models, two: broken }, Number.POSITIVE_INFINITY);
    await expect(pool.load()).rejects.toThrow('Cannot load two');
    expect([...alive].sort()).toEqual(['one', 'three']);
    await pool.release();
    expect(alive.size).toBe(0);
  });

  it('of infinite budget keeps every stage', async () => {
    const pool = createStagePool(runtime, models, Number.POSITIVE_INFINITY);
    await runAll(pool, ['one', 'two', 'three', 'one', 'two', 'three']);
    expect(events).toEqual(['+one', '+two', '+three']);
    await pool.release();
  });

  it('of no budget keeps one stage, releasing it before the next is loaded', async () => {
    const pool = createStagePool(runtime, models, 0);
    expect(await runAll(pool, ['one', 'one', 'two', 'one'])).toEqual([11, 11, 12, 11]);
    expect(events).toEqual(['+one', '-one', '+two', '-two', '+one']);
    await pool.release();
  });

  it('of a budget between releases what takes the least to load again, and no more than needed', async () => {
    const pool = createStagePool(runtime, models, 500);
    await runAll(pool, ['one', 'two', 'one']);
    expect(events).toEqual(['+one', '+two']);
    await runAll(pool, ['three']); // 600 with all: one, of 100, is enough
    expect(events).toEqual(['+one', '+two', '-one', '+three']);
    await runAll(pool, ['one']); // 600 again: of two and three the smaller
    expect(events).toEqual(['+one', '+two', '-one', '+three', '-two', '+one']);
    expect([...alive].sort()).toEqual(['one', 'three']);
    await pool.release();
  });

  it('rather releases two small stages than a large one', async () => {
    const sized = { one: stage('one', 1, 100), two: stage('two', 2, 120), three: stage('three', 3, 400) };
    const pool = createStagePool(runtime, { ...sized, four: stage('four', 4, 210) }, 620);
    for (const name of ['three', 'one', 'two', 'four'] as const) await pool.run(name, { x: hostTensor([2]) });
    expect(events).toEqual(['+three', '+one', '+two', '-one', '-two', '+four']);
    await pool.release();
  });

  it('fits stages exactly into its budget', async () => {
    const pool = createStagePool(runtime, models, 300);
    await runAll(pool, ['one', 'two']);
    expect(events).toEqual(['+one', '+two']);
    await pool.release();
  });

  it('counts scratch memory for each stage that is loaded, or once where sessions share it', async () => {
    const own: typeof models = {
      one: stage('one', 1, 100, 50),
      two: stage('two', 2, 100, 150),
      three: stage('three', 3, 100, 20),
    };
    const separate = createStagePool({ ...runtime, sharesScratch: false }, own, 450);
    await runAll(separate, ['one', 'two', 'three']); // 520 with all
    expect(events).toEqual(['+one', '+two', '-one', '+three']);
    await separate.release();
    events = [];
    const shared = createStagePool({ ...runtime, sharesScratch: true }, own, 450);
    await runAll(shared, ['one', 'two', 'three']); // 300 and 150
    expect(events).toEqual(['+one', '+two', '+three']);
    await shared.release();
  });

  it('runs a stage larger than its budget, alone', async () => {
    const pool = createStagePool(runtime, models, 250);
    expect(await runAll(pool, ['one', 'three', 'one'])).toEqual([11, 13, 11]);
    expect(events).toEqual(['+one', '-one', '+three', '-three', '+one']);
    await pool.release();
  });

  it('releases every stage, and loads anew after that', async () => {
    const pool = createStagePool(runtime, models, Number.POSITIVE_INFINITY);
    await runAll(pool, ['one', 'three']);
    await pool.release();
    expect(alive.size).toBe(0);
    await pool.release();
    expect(events).toEqual(['+one', '+three', '-one', '-three']);
    expect(await runAll(pool, ['one'])).toEqual([11]);
    await pool.release();
    expect(alive.size).toBe(0);
  });

  it('runs the other stages after one could not be loaded', async () => {
    const broken = { ...models.two, model: { ...models.two.model, bytes: new Uint8Array([1, 2, 3]) } };
    const pool = createStagePool(runtime, { ...models, two: broken }, 0);
    await expect(runAll(pool, ['one', 'two'])).rejects.toThrow();
    expect(await runAll(pool, ['one'])).toEqual([11]);
    await pool.release();
    expect(alive.size).toBe(0);
  });
});
