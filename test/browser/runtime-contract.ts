/** What every runtime does, told in plain values so that a browser can hand them over. */
import { emitModel } from '../../src/graph/onnx/emit-model.ts';
import { add, input, log, matmul, mul, parameter } from '../../src/graph/ops.ts';
import type { Runtime, Tensors } from '../../src/runtime/runtime.ts';
import { hostTensor } from '../../src/tensor/host-tensor.ts';

export interface RuntimeObservations {
  readonly [name: string]: unknown;
}

/** What a runtime that keeps the contract shows. */
export const expectedOfRuntime: RuntimeObservations = {
  name: 'contract',
  outputs: ['product', 'sum'],
  sum: [11, 22, 33, 44],
  product: [70, 100, 150, 220],
  shape: [2, 2],
  feedsKept: [1, 2, 3, 4],
  writtenInto: true,
  into: [11, 22, 33, 44],
  inPlace: [3, 6, 9, 12],
  again: [11, 22, 33, 44],
  missing: 'RangeError',
  misshapen: 'RangeError',
  notFinite: 'NonFiniteError',
  afterErrors: [11, 22, 33, 44],
  other: [2, 4, 6, 8],
  broken: true,
};

const shape = [2, 2];
const tensor = (...values: number[]) => hostTensor([2, values.length / 2], Float32Array.from(values));
const nameOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'no error',
    (error: Error) => (error instanceof RangeError ? 'RangeError' : error.name),
  );
const values = ({ data }: { data: Float32Array }) => Array.from(data);

export async function observeRuntime(runtime: Runtime): Promise<RuntimeObservations> {
  const [a, b] = [input('a', shape), input('b', shape)];
  const weight = parameter('net/w', shape);
  const weights = { kind: 'inline' as const, data: Float32Array.of(10, 10, 10, 10) };
  const outputs = { sum: add(a, b), product: matmul(a, add(b, mul(weight, 0))) };
  const session = await runtime.createSession(emitModel('contract', outputs, () => weights));
  const feeds: Tensors = { a: tensor(1, 2, 3, 4), b: tensor(10, 20, 30, 40) };
  const result = await session.run(feeds);
  const into = tensor(0, 0, 0, 0);
  const written = await session.run(feeds, { sum: into });

  const tripled = await runtime.createSession(emitModel('tripled', { y: mul(a, 3) }, () => weights));
  const changed = tensor(1, 2, 3, 4);
  await tripled.run({ a: changed }, { y: changed });
  await tripled.release();

  const logarithm = await runtime.createSession(emitModel('logarithm', { y: log(a) }, () => weights));
  const doubled = await runtime.createSession(emitModel('doubled', { y: add(a, a) }, () => weights));
  const broken = { ...emitModel('broken', { y: add(a, a) }, () => weights), bytes: Uint8Array.of(1, 2, 3) };
  const observations = {
    name: session.name,
    outputs: Object.keys(result).sort(),
    sum: values(result['sum']!),
    product: values(result['product']!),
    shape: [...result['sum']!.shape],
    feedsKept: values(feeds['a']!),
    writtenInto: written['sum']!.data === into.data,
    into: values(into),
    inPlace: values(changed),
    again: values((await session.run(feeds))['sum']!),
    missing: await nameOf(session.run({ a: feeds['a']! })),
    misshapen: await nameOf(session.run({ ...feeds, b: tensor(1, 2, 3, 4, 5, 6) })),
    notFinite: await nameOf(logarithm.run({ a: tensor(-1, 1, 1, 1) })),
    afterErrors: values((await session.run(feeds))['sum']!),
    other: values((await doubled.run({ a: feeds['a']! }))['y']!),
    broken: (await nameOf(runtime.createSession(broken))) !== 'no error',
  };
  for (const each of [session, logarithm, doubled]) await each.release();
  return observations;
}
