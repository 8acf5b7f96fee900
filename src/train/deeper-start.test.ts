import { beforeAll, expect, it } from 'vitest';
import { parametersOf } from '../graph/graph.ts';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { sampleTensor, sampleWeight } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import {
  buildSpatialEncoder,
  spatialEncoderConfigSchema,
} from '../models/spatial-encoder/spatial-encoder.ts';
import { buildUNet } from '../models/unet/unet.ts';
import { unetConfigSchema } from '../models/unet/unet-config.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeConfigSchema } from '../models/vae/vae.ts';
import { keyOf, parameterName, parameterScope, prefixOf } from '../nn/parameter-scope.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { type Runtime, type Tensors, withSession } from '../runtime/runtime.ts';
import { hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { identityMap, type LayerCounts, weightStart } from './deeper-start.ts';
import { drawInitialWeights } from './initial-weights.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

interface Built {
  readonly outputs: Record<string, Value>;
  readonly layers: LayerCounts;
}

const backbone = {
  block_out_channels: [8, 12],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  attention_head_dim: 2,
  cross_attention_dim: 6,
  norm_num_groups: 4,
};

/** A UNet with a spatial encoder beside it. */
function buildControlled(layers: number, transformers: number): Built {
  const counts = { layers_per_block: layers, transformer_layers_per_block: transformers };
  const unet = unetConfigSchema.parse({ ...backbone, ...counts });
  const latents = input('latents', [2, 4, 8, 8]);
  const timestep = input('timestep', [2, 8]);
  const context = input('context', [2, 3, 6]);
  const spatial = spatialEncoderConfigSchema.parse({
    ...backbone,
    ...counts,
    conditioning_embedding_out_channels: [4, 8],
  });
  const residuals = buildSpatialEncoder(parameterScope('se'), spatial, {
    latents,
    timestep,
    context,
    image: input('image', [2, 3, 16, 16]),
  });
  const noise = buildUNet(parameterScope('unet'), unet, { latents, timestep, context, residuals });
  return { outputs: { noise }, layers: unet };
}

function buildAutoencoder(layers: number, block_type: string): Built {
  const config = vaeConfigSchema.parse({
    block_out_channels: [8, 12],
    layers_per_block: layers,
    latent_channels: 4,
    norm_num_groups: 4,
    photo_fusion: true,
    block_type,
  });
  const image = input('image', [2, 3, 16, 16]);
  const p = parameterScope('vae');
  const { mean, features } = buildVaeEncoder(p, config, image);
  const fidelity = input('fidelity', [2, 1, 1, 1]);
  const decoded = buildVaeDecoder(p, config, mean, { image, features, fidelity });
  return { outputs: { mean, decoded }, layers: config };
}

/** Random weights everywhere, so that no layer of the stored network gives nothing. */
function storedParameters({ outputs }: Built): Tensors {
  return Object.fromEntries(
    [...parametersOf(Object.values(outputs))].map(([name, { shape }], i) => [name, sampleWeight(shape, i)]),
  );
}

function deeperParameters({ outputs, layers }: Built, from: LayerCounts, stored: Tensors): Tensors {
  const parameters: Record<string, Tensors[string]> = {};
  const random: string[] = [];
  for (const [name, { shape }] of parametersOf(Object.values(outputs))) {
    const start = weightStart(keyOf(name), from, layers);
    parameters[name] = hostTensor(shape, start === 'identity' ? identityMap(shape) : undefined);
    if (start === 'random') random.push(name);
    if (typeof start !== 'string') {
      const source = stored[parameterName(prefixOf(name), start.stored)]!;
      expect(source.shape, name).toEqual(shape);
      parameters[name] = source;
    }
  }
  drawInitialWeights(parameters, random, 3, 1);
  return parameters;
}

async function run({ outputs }: Built, parameters: Tensors): Promise<Tensors> {
  const model = emitModel('networks', outputs, () => ({ kind: 'input' }));
  const images = Object.fromEntries(
    [...model.inputs]
      .filter(([name]) => !(name in parameters))
      .map(([name, shape]) => [name, sampleTensor(shape, 40)]),
  );
  return withSession(runtime, model, (session) => session.run({ ...parameters, ...images }));
}

it.each([
  ['UNet and spatial encoder, one layer', buildControlled(1, 1), buildControlled(2, 3)],
  ['UNet and spatial encoder, two layers', buildControlled(2, 1), buildControlled(3, 2)],
  ['UNet and spatial encoder, two layers more', buildControlled(2, 2), buildControlled(4, 2)],
  ['UNet and spatial encoder, transformers alone', buildControlled(1, 1), buildControlled(1, 2)],
  ['autoencoder', buildAutoencoder(1, 'resnet'), buildAutoencoder(2, 'resnet')],
  ['autoencoder of one norm a block', buildAutoencoder(2, 'single_norm'), buildAutoencoder(3, 'single_norm')],
])('starts as the stored network, with layers more: %s', async (_, shallow, deep) => {
  const stored = storedParameters(shallow);
  const parameters = deeperParameters(deep, shallow.layers, stored);
  expect(Object.keys(parameters).length).toBeGreaterThan(Object.keys(stored).length);
  const [expected, actual] = [await run(shallow, stored), await run(deep, parameters)];
  // Float32 rounding: sums with zeros in other kernels.
  for (const name of Object.keys(expected))
    expect(relativeError(actual[name]!.data, expected[name]!.data), name).toBeLessThan(1e-5);
});
