import { expect, it } from 'vitest';
import { emitModel, noParameters } from '../graph/onnx/emit-model.ts';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { RandomStream } from '../random/random-stream.ts';
import { withSession } from '../runtime/runtime.ts';
import type { StageGraph } from './stage-graph.ts';
import { translateSeen } from './translation.ts';

const shape = [2, 3, 8, 8];
const stage: StageGraph = {
  terms: {},
  images: { restored: input('low', shape), truth: input('high', shape) },
  preview: {},
  feeds: ({ low, high }) => ({ low, high }),
};
const images = { low: sampleTensor(shape, 1), high: sampleTensor(shape, 2) };
const streams = (key: number): RandomStream[] => [new RandomStream(1, [key])];

async function seen(key: number, purpose: 'training' | 'validation') {
  const moved = translateSeen(stage, 3);
  const model = emitModel('seen', { ...moved.seen! }, noParameters);
  const feeds = moved.feeds(images, streams(key), purpose);
  return withSession(await createNodeRuntime(), model, (session) => session.run(feeds));
}

/** The move down and right by which one image becomes the other, its edges repeated. */
function moveOf(from: Float32Array, to: Float32Array): [number, number] | undefined {
  const inside = (i: number): number => Math.min(7, Math.max(0, i));
  for (let down = -3; down <= 3; down++)
    for (let right = -3; right <= 3; right++)
      if (
        to.every((value, i) => {
          const [plane, y, x] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8];
          return value === from[plane * 64 + inside(y - down) * 8 + inside(x - right)];
        })
      )
        return [down, right];
  return undefined;
}

it('moves restored and true images alike, anew for every batch, and none in validation', async () => {
  const moves = new Set<string>();
  for (let key = 0; key < 12; key++) {
    const { restored, truth } = await seen(key, 'training');
    const move = moveOf(images.low.data, restored!.data);
    expect(move).toBeDefined();
    expect(moveOf(images.high.data, truth!.data)).toEqual(move);
    moves.add(`${move}`);
  }
  expect(moves.size).toBeGreaterThan(6);
  const { restored, truth } = await seen(0, 'validation');
  expect(restored!.data).toEqual(images.low.data);
  expect(truth!.data).toEqual(images.high.data);
});

it('leaves a stage as it is where nothing is to be moved', () => {
  expect(translateSeen(stage, 0)).toBe(stage);
});
