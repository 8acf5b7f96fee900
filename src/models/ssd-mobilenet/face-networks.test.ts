import { expect, it } from 'vitest';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { type ParameterScope, parameterScope } from '../../nn/parameter-scope.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { type FaceApiModel, readFaceApiWeights } from '../../platform/node/model/face-api-files.ts';
import { withSession } from '../../runtime/runtime.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { buildFaceLandmarks } from '../face-landmarks/face-landmarks.ts';
import { buildSsdMobilenet, ssdMaps } from './ssd-mobilenet.ts';

/** A picture of waves in [-1, 1]. */
function waves(size: number): Float32Array {
  return Float32Array.from(
    { length: 3 * size * size },
    (_, i) => Math.sin(i * 0.01) * Math.cos(i * 0.00037 + (i % 3)),
  );
}

async function run(
  model: FaceApiModel,
  size: number,
  pixels: Float32Array,
  build: (root: ParameterScope, image: Value) => { readonly [name: string]: Value },
) {
  const weights = await readFaceApiWeights(model);
  const graph = build(parameterScope('net'), input('image', [1, 3, size, size]));
  const onnx = emitModel(model, graph, (name) => ({
    kind: 'inline',
    data: weights.get(name.slice('net/'.length))!.data,
  }));
  const runtime = await createNodeRuntime({ device: 'cpu' });
  return withSession(runtime, onnx, (session) =>
    session.run({ image: hostTensor([1, 3, size, size], pixels) }),
  );
}

// What the package's own code gives for these pictures, computed by its plain JavaScript backend in float32. Sums in
// another order differ in the sixth digit.
const tolerance = 2e-6;

it('scores anchors as face-api does', async () => {
  const maps = await run('ssd_mobilenetv1_model', 512, waves(512), buildSsdMobilenet);
  expect(Object.values(maps).map(({ shape }) => shape)).toEqual([
    [1, 15, 32, 32],
    [1, 30, 16, 16],
    [1, 30, 8, 8],
    [1, 30, 4, 4],
  ]);
  // Of the package's list of anchors: map by map, cell by cell.
  for (const [map, cell, anchor, score] of [
    [0, 0, 0, 0.0023053104523569345],
    [1, 0, 0, 0.0016121530206874013], // 3072
    [2, 49, 4, 0.1228867620229721], // 4906
  ] as const) {
    const { shape, data } = maps[`map${map}`]!;
    const area = shape[2]! * shape[3]!;
    const logit = data[(ssdMaps[map]!.anchors * 4 + anchor) * area + cell]!;
    expect(Math.abs(1 / (1 + Math.exp(-logit)) - score)).toBeLessThan(tolerance);
  }
});

it('places landmarks as face-api does', async () => {
  const pixels = waves(112).map((value) => 127.5 + 127.5 * value);
  const { landmarks } = await run('face_landmark_68_model', 112, pixels, (root, image) => ({
    landmarks: buildFaceLandmarks(root, image),
  }));
  const expected = [0.5324431657791138, 0.4948456585407257, 0.5321277379989624, 0.4613625407218933];
  for (const [i, value] of expected.entries())
    expect(Math.abs(landmarks!.data[60 + i]! - value)).toBeLessThan(tolerance);
});
