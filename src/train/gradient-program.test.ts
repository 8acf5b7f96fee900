import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parametersOf } from '../graph/graph.ts';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { add, conv, input, mul, reduceMean, silu } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { convLayer } from '../nn/layers.ts';
import { type ParameterScope, parameterScope } from '../nn/parameter-scope.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import type { Runtime, Tensors } from '../runtime/runtime.ts';
import { createStagePool, type StagePool } from '../runtime/stage-pool.ts';
import { relativeError } from '../tensor/host-tensor.ts';
import { buildGradientProgram, type GradientProgramOptions, runGradientProgram } from './gradient-program.ts';
import { flatTensors } from './parameter-memory.ts';

/** Three residual blocks with a skip over all of them; the middle one is frozen. */
function network(p: ParameterScope, image: Value): Value {
  const first = silu(convLayer(p.at('in'), image, 8));
  let h = first;
  for (const block of ['a', 'frozen', 'b'])
    h = add(h, convLayer(p.at(`${block}.2`), silu(convLayer(p.at(`${block}.1`), h, 8)), 8));
  return convLayer(p.at('out'), add(h, first), 3);
}

const image = input('image', [2, 3, 8, 8]);
const p = parameterScope('net');
const output = network(p, image);
/** The same network applied twice, so that parameters collect gradients from both. */
const twice = network(p, output);
const loss = reduceMean(mul(twice, twice));
const shapes = new Map([...parametersOf([loss])].map(([name, { shape }]) => [name, shape]));
const trained = new Set([...shapes.keys()].filter((name) => !name.includes('frozen')));
const weights: Tensors = Object.fromEntries(
  [...shapes].map(([name, shape], i) => [name, sampleTensor(shape, i)]),
);

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});
const pools: StagePool<string>[] = [];
afterAll(async () => {
  for (const pool of pools) await pool.release();
});

async function gradientsWith(options: Partial<GradientProgramOptions>, runs = 1) {
  const program = buildGradientProgram({
    name: 'test',
    loss,
    outputs: { output, energy: reduceMean(mul(output, output)) },
    trained,
    bind: (name) => ({ kind: 'inline', data: weights[name]!.data }),
    ...options,
  });
  const models = Object.fromEntries(
    program.parts.map(({ model }) => [model.name, { model, weightBytes: 0, scratchBytes: 0 }]),
  );
  const pool = createStagePool(runtime, models, Number.POSITIVE_INFINITY);
  pools.push(pool);
  const gradients = flatTensors(new Map([...shapes].filter(([name]) => trained.has(name)))).tensors;
  let values: Tensors = {};
  for (let run = 0; run < runs; run++)
    values = await runGradientProgram(
      program,
      (part, feeds, outputs) => pool.run(part.model.name, feeds, outputs),
      { image: sampleTensor(image.shape, 99), ...weights },
      gradients,
    );
  return { program, values, gradients };
}

describe('a gradient program', () => {
  it('is one session where nothing limits it', async () => {
    const { program } = await gradientsWith({});
    expect(program.parts.map(({ direction }) => direction)).toEqual(['backward']);
  });

  it.each([4_000, 12_000, 30_000])('gives the same in segments of %d bytes', async (activationBytes) => {
    const whole = await gradientsWith({});
    const cut = await gradientsWith({ activationBytes });
    expect(cut.program.parts.length).toBeGreaterThan(4);
    for (const [name, { data }] of Object.entries(whole.values))
      expect(relativeError(cut.values[name]!.data, data), name).toBeLessThan(1e-6);
    // Sums in another order: float32 rounding.
    for (const [name, { data }] of Object.entries(whole.gradients))
      expect(relativeError(cut.gradients[name]!.data, data), name).toBeLessThan(2e-6);
  });

  it('adds up over runs', async () => {
    const once = await gradientsWith({});
    const thrice = await gradientsWith({ activationBytes: 12_000 }, 3);
    for (const [name, { data }] of Object.entries(once.gradients))
      expect(
        relativeError(
          thrice.gradients[name]!.data,
          data.map((x) => 3 * x),
        ),
        name,
      ).toBeLessThan(2e-6);
  });

  it('computes a value of several users once', () => {
    const weight = p.at('in').get('weight', [8, 3, 3, 3]);
    const twin = (): Value => reduceMean(conv(image, weight, undefined, { padding: 1 }));
    const program = buildGradientProgram({
      name: 'twins',
      loss: mul(twin(), twin()),
      outputs: {},
      trained: new Set(['net/in.weight']),
      bind: () => ({ kind: 'input' }),
    });
    const [single] = buildGradientProgram({
      name: 'single',
      loss: twin(),
      outputs: {},
      trained: new Set(['net/in.weight']),
      bind: () => ({ kind: 'input' }),
    }).parts;
    expect(program.parts[0]!.flops).toBeLessThan(single!.flops * 1.1);
  });
});
