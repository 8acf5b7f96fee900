import { expect, it } from 'vitest';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { withSession } from '../../runtime/runtime.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { sampleTensor } from '../op-cases.test-support.ts';
import { add, clip, conv, input, parameter, reshape } from '../ops.ts';
import { evaluate } from '../reference-ops.test-support.ts';
import type { Value } from '../value.ts';
import { emitModel } from './emit-model.ts';

const weight = sampleTensor([2, 3, 3, 3], 1);
const bind = () => ({ kind: 'inline', data: weight.data }) as const;
function network(height: number, width: number): Value {
  const w = parameter('w', weight.shape);
  return clip(
    conv(input('x', [1, 3, height, width]), w, undefined, { padding: [0, 0, 1, 1], stride: 2 }),
    0,
    6,
  );
}

it('gives for images of any size what a model of that size gives', async () => {
  const model = emitModel('any size', { y: network(8, 8) }, bind, { openSides: true });
  const runtime = await createNodeRuntime({ device: 'cpu' });
  for (const packWeights of [false, true])
    await withSession(
      runtime,
      model,
      async (session) => {
        for (const [height, width] of [
          [8, 8],
          [6, 10],
          [32, 4],
        ] as const) {
          const x = sampleTensor([1, 3, height, width], 2);
          const { y } = await session.run({ x });
          const expected = evaluate(
            network(height, width),
            new Map([
              ['x', x],
              ['w', weight],
            ]),
          );
          expect(y!.shape).toEqual(expected.shape);
          for (const [i, value] of expected.data.entries()) expect(y!.data[i]).toBeCloseTo(value, 4);
        }
        await expect(session.run({ x: hostTensor([1, 4, 8, 8]) })).rejects.toThrow(
          'the tensor given is [1, 4, 8, 8]',
        );
      },
      { packWeights },
    );
});

it('refuses a graph that depends on the size it was written for', () => {
  const sized = add(network(8, 8), parameter('map', [1, 1, 4, 4]));
  expect(() => emitModel('sized', { sized }, bind, { openSides: true })).toThrow(
    'Add is written for one size',
  );
  const flat = reshape(network(8, 8), [1, -1]);
  expect(() => emitModel('flat', { flat }, bind, { openSides: true })).toThrow(
    'Reshape is written for one size',
  );
});
