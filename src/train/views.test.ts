import { describe, expect, it } from 'vitest';
import { emitModel, noParameters } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { RandomStream } from '../random/random-stream.ts';
import { withSession } from '../runtime/runtime.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import type { StageGraph } from './stage-graph.ts';
import type { ViewSettings } from './train-config.ts';
import { varyViews } from './views.ts';

const side = 16;
const shape = [1, 2, side, side];
const stage: StageGraph = {
  terms: {},
  images: { restored: input('low', shape), truth: input('high', shape) },
  preview: {},
  feeds: ({ low, high }) => ({ low, high }),
};
const still: ViewSettings = { zoom: 0, translation: 0, contrast: 0, light: 0 };
/** Its first channel holds each pixel's row, its second the column, in places from the middle. */
const middle = (side - 1) / 2;
const ramps = hostTensor(
  shape,
  Float32Array.from({ length: 2 * side * side }, (_, i) =>
    i < side * side ? Math.floor(i / side) - middle : ((i - side * side) % side) - middle,
  ),
);
const halved = hostTensor(
  shape,
  ramps.data.map((value) => value / 2),
);

async function views(settings: ViewSettings, key: number, purpose: 'training' | 'validation' = 'training') {
  const varied = varyViews(stage, settings);
  const model = emitModel('views', { ...varied.views! }, noParameters);
  const feeds = varied.feeds({ low: ramps, high: halved }, [new RandomStream(1, [key])], purpose);
  const session = await withSession(await createNodeRuntime(), model, (session) => session.run(feeds));
  return { restored: session['restored']!.data, truth: session['truth']!.data };
}

/** Slope and value at the middle of what stands in the rows, and in the columns. */
function placed(data: Float32Array) {
  const at = (row: number, column: number) => [
    data[row * side + column]!,
    data[side * side + row * side + column]!,
  ];
  const [low, high] = [at(7, 7) as [number, number], at(8, 8) as [number, number]];
  return {
    slopes: [high[0] - low[0], high[1] - low[1]] as const,
    middles: [(high[0] + low[0]) / 2, (high[1] + low[1]) / 2] as const,
  };
}

describe('views', () => {
  it('enlarge about the middle, rows as columns, within their reach', async () => {
    const slopes: number[] = [];
    for (let key = 0; key < 8; key++) {
      const { restored } = await views({ ...still, zoom: 0.25 }, key);
      const view = placed(restored);
      expect(view.middles[0]).toBeCloseTo(0, 5);
      expect(view.middles[1]).toBeCloseTo(0, 5);
      expect(view.slopes[0]).toBeCloseTo(view.slopes[1], 5);
      slopes.push(view.slopes[0]); // of a vector that is z times as large: 1 / z
    }
    expect(Math.max(...slopes)).toBeLessThanOrEqual(1 / 0.75);
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(1 / 1.25);
    expect(Math.max(...slopes) - Math.min(...slopes)).toBeGreaterThan(0.2);
  });

  it('move rows and columns each on their own, by fractions of pixels', async () => {
    const moves: (readonly [number, number])[] = [];
    for (let key = 0; key < 8; key++)
      moves.push(placed((await views({ ...still, translation: 3 }, key)).restored).middles);
    for (const [down, right] of moves) {
      expect(Math.max(Math.abs(down), Math.abs(right))).toBeLessThanOrEqual(3);
      expect(down).not.toBe(right);
    }
    expect(new Set(moves.map(([down]) => Math.round(down))).size).toBeGreaterThan(2);
  });

  it('multiply and raise values', async () => {
    const first = await views({ ...still, contrast: 0.5 }, 1);
    const factor = first.restored[0]! / ramps.data[0]!;
    expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.5);
    expect(Math.abs(factor - 1)).toBeGreaterThan(0.01);
    for (const [i, value] of first.restored.entries()) expect(value).toBeCloseTo(ramps.data[i]! * factor, 4);
    const second = await views({ ...still, light: 0.5 }, 1);
    const raised = second.restored[0]! - ramps.data[0]!;
    expect(Math.abs(raised)).toBeLessThanOrEqual(0.5);
    expect(Math.abs(raised)).toBeGreaterThan(0.01);
    for (const [i, value] of second.restored.entries()) expect(value).toBeCloseTo(ramps.data[i]! + raised, 4);
  });

  it('show restored and true images alike, and in validation as they are', async () => {
    const all = { zoom: 0.2, translation: 2, contrast: 0.3, light: 0 };
    const { restored, truth } = await views(all, 3);
    for (const [i, value] of truth.entries()) expect(value).toBeCloseTo(restored[i]! / 2, 4);
    expect(restored).not.toEqual(ramps.data);
    const plain = await views({ ...all, light: 0.3 }, 3, 'validation');
    expect(plain.restored).toEqual(ramps.data);
    expect(plain.truth).toEqual(halved.data);
  });

  it('are not made where none are asked for', () => {
    expect(varyViews(stage, undefined)).toBe(stage);
  });
});
