import { beforeAll, expect, it } from 'vitest';
import { parametersOf } from '../graph/graph.ts';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeConfigSchema } from '../models/vae/vae.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { type Runtime, type Tensors, withSession } from '../runtime/runtime.ts';
import { hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { drawInitialWeights } from './initial-weights.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

const [seed, gain] = [5, Math.sqrt(3)];

it.each([
  ['single_norm', 'patches', false],
  ['resnet', 'convolution', true],
])('starts %s blocks so that an image at fidelity 1 is the photo', async (block_type, resampling, middle) => {
  const config = vaeConfigSchema.parse({
    block_out_channels: [8, 16],
    layers_per_block: 1,
    latent_channels: 12,
    norm_num_groups: 4,
    patch_size: 2,
    linear_shortcut: true,
    photo_fusion: true,
    block_type,
    resampling,
    add_mid_block: middle,
  });
  const p = parameterScope('vae');
  const image = input('image', [2, 3, 16, 16]);
  const fidelity = input('fidelity', [2, 1, 1, 1]);
  const { mean, features } = buildVaeEncoder(p, config, image);
  const values = {
    fused: buildVaeDecoder(p, config, mean, { image, features, fidelity }),
    alone: buildVaeDecoder(p, config, mean),
  };
  const parameters: Tensors = Object.fromEntries(
    [...parametersOf(Object.values(values))].map(([name, { shape }]) => [name, hostTensor(shape)]),
  );
  drawInitialWeights(parameters, Object.keys(parameters), seed, gain);
  const photo = sampleTensor(image.shape, 1);
  const feeds = { ...parameters, image: photo, fidelity: hostTensor([2, 1, 1, 1], Float32Array.of(1, 0)) };
  const model = emitModel('vae', values, () => ({ kind: 'input' }));
  const { fused, alone } = await withSession(runtime, model, (session) => session.run(feeds));
  const half = photo.data.length / 2;
  expect(fused!.data.subarray(0, half)).toEqual(photo.data.subarray(0, half));
  // At fidelity 0 it is what a quarter of the frequencies hold of it.
  expect(fused!.data.subarray(half)).toEqual(alone!.data.subarray(half));
  const lost = relativeError(alone!.data, photo.data);
  expect(lost).toBeGreaterThan(0.01);
});
