import { beforeAll, describe, expect, it } from 'vitest';
import { vectorJacobianProduct } from '../../graph/gradient/gradient.ts';
import { parametersOf, topologicalOrder } from '../../graph/graph.ts';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { sampleTensor, sampleWeight } from '../../graph/op-cases.test-support.ts';
import { constant, input } from '../../graph/ops.ts';
import { evaluate } from '../../graph/reference-ops.test-support.ts';
import { isOp, type Value } from '../../graph/value.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { type Runtime, withSession } from '../../runtime/runtime.ts';
import { type HostTensor, hostTensor, relativeError } from '../../tensor/host-tensor.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeConfigSchema, vaeScaleFactor } from './vae.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

const sizes = { block_out_channels: [8, 12], layers_per_block: 1, latent_channels: 4, norm_num_groups: 2 };
const small = { ...sizes, patch_size: 2, linear_shortcut: true, photo_fusion: true };
const slim = { ...small, block_type: 'single_norm', resampling: 'patches', add_mid_block: false };
const [batch, side] = [2, 8];
const image = input('image', [batch, 3, side, side]);
const fidelity = input('fidelity', [batch, 1, 1, 1]);

/** A fused autoencoder's image of a latent with the photo and without, and what it encodes the photo to. */
function build(settings: Record<string, unknown>): Record<'mean' | 'fused' | 'alone', Value> {
  const config = vaeConfigSchema.parse(settings);
  const p = parameterScope('vae');
  const latentSide = side / vaeScaleFactor(config);
  const latent = input('latent', [batch, 4, latentSide, latentSide]);
  const { mean, features } = buildVaeEncoder(p, config, image);
  const fused = buildVaeDecoder(p, config, latent, { image, features, fidelity });
  return { mean, fused, alone: buildVaeDecoder(p, config, latent) };
}

function leavesOf(values: readonly Value[], fidelities: readonly number[]): Map<string, HostTensor> {
  const leaves = new Map<string, HostTensor>();
  for (const value of topologicalOrder(values))
    if (isOp(value, 'Input')) leaves.set(value.attributes.name, sampleTensor(value.shape, leaves.size));
  leaves.set('fidelity', hostTensor(fidelity.shape, Float32Array.from(fidelities)));
  for (const [i, [name, { shape }]] of [...parametersOf(values)].entries())
    leaves.set(name, sampleWeight(shape, 3 + i));
  return leaves;
}

async function run(values: Record<string, Value>, leaves: ReadonlyMap<string, HostTensor>) {
  const model = emitModel('vae', values, () => ({ kind: 'input' }));
  return withSession(runtime, model, (session) => session.run(Object.fromEntries(leaves)));
}

describe('an autoencoder whose decoder sees the photo', () => {
  it.each([
    ['blocks of one normalisation and patches', slim],
    ['residual blocks and convolutions', small],
    ['detail between the last level and the image', { ...slim, detail_channels: 6 }],
    ['detail of larger patches', { ...slim, patch_size: 4, block_out_channels: [8], detail_channels: 3 }],
    ['nothing beside the network', { ...sizes, photo_fusion: true }],
  ])('computes what its definition says: %s', async (_, settings) => {
    const values = build(settings);
    const leaves = leavesOf(Object.values(values), [0.7, 0.2]);
    const results = await run(values, leaves);
    for (const [name, value] of Object.entries(values))
      expect(relativeError(results[name]!.data, evaluate(value, leaves).data)).toBeLessThan(1e-5);
  });

  it('gives at fidelity 0 what it gives without the photo, image by image', async () => {
    const values = build(slim);
    const { fused, alone } = await run(values, leavesOf(Object.values(values), [0, 0.5]));
    const half = fused!.data.length / 2;
    expect(relativeError(fused!.data.subarray(0, half), alone!.data.subarray(0, half))).toBeLessThan(1e-6);
    expect(relativeError(fused!.data.subarray(half), alone!.data.subarray(half))).toBeGreaterThan(0.1);
  });

  it('corrects the photo itself from fidelity 0.5 on, and what lies between it and the latent below', async () => {
    const values = build(slim);
    const leaves = leavesOf(Object.values(values), [1, 0.75]);
    for (const name of [...leaves.keys()].filter((name) =>
      /decoder\.(conv_out|up_blocks\.\d\.photo)/.test(name),
    ))
      leaves.get(name)!.data.fill(0); // the network corrects nothing
    const photo = leaves.get('image')!.data;
    expect(relativeError((await run(values, leaves)).fused!.data, photo)).toBeLessThan(1e-6);
    leaves.set('fidelity', hostTensor(fidelity.shape, Float32Array.of(0.25, 0.25)));
    const { fused, alone } = await run(values, leaves);
    const between = photo.map((value, i) => (value + alone!.data[i]!) / 2);
    expect(relativeError(fused!.data, between)).toBeLessThan(1e-6);
    expect(relativeError(alone!.data, photo)).toBeGreaterThan(0.1);
  });

  it('is differentiated towards every weight, the photo, the latent and the fidelity', async () => {
    const { fused } = build(slim);
    const leaves = leavesOf([fused], [0.7, 0.2]);
    const weights = sampleTensor(fused.shape, 99);
    const leafOf = (value: Value): boolean => isOp(value, 'Input') || isOp(value, 'Parameter');
    const wrt = topologicalOrder([fused]).filter(leafOf) as Value<'Input' | 'Parameter'>[];
    const seeds = [{ value: fused, gradient: constant(fused.shape, weights.data) }];
    const gradients = Object.fromEntries(
      vectorJacobianProduct(seeds, wrt).map((gradient, i) => [`g${i}`, gradient]),
    );
    const results = await run(gradients, leaves);
    const model = emitModel('vae', { fused }, () => ({ kind: 'input' }));
    await withSession(runtime, model, async (session) => {
      const lossWith = async (name: string, changed: HostTensor): Promise<number> => {
        const { fused } = await session.run({ ...Object.fromEntries(leaves), [name]: changed });
        return fused!.data.reduce((sum, value, i) => sum + value * weights.data[i]!, 0);
      };
      for (const [i, { attributes }] of wrt.entries()) {
        const { name } = attributes;
        const at = leaves.get(name)!;
        const gradient = results[`g${i}`]!.data;
        const direction = sampleTensor(at.shape, 50 + i).data;
        const by = 2e-2 / Math.sqrt(at.data.length);
        const moved = (sign: number) =>
          hostTensor(
            at.shape,
            at.data.map((x, k) => x + sign * by * direction[k]!),
          );
        const numeric = ((await lossWith(name, moved(1))) - (await lossWith(name, moved(-1)))) / (2 * by);
        const analytic = gradient.reduce((sum, g, k) => sum + g * direction[k]!, 0);
        const largest = Math.hypot(...gradient) * Math.hypot(...direction);
        expect(largest, name).toBeGreaterThan(0);
        // What differences of float32 resolve, as a part of the largest that the derivative could be.
        expect(Math.abs(numeric - analytic) / largest, name).toBeLessThan(3e-3);
      }
    });
  });

  it('has detail only where patches can be halved', () => {
    expect(
      vaeConfigSchema.safeParse({ ...slim, patch_size: 1, detail_channels: 6 }).error?.issues[0],
    ).toMatchObject({
      path: ['detail_channels'],
      message: 'needs an even patch_size',
    });
  });

  it('takes no photo where the config says nothing of it', () => {
    const config = vaeConfigSchema.parse(sizes);
    const { features } = buildVaeEncoder(parameterScope('vae'), config, image);
    const latent = input('latent', [batch, 4, side / 2, side / 2]);
    expect(() =>
      buildVaeDecoder(parameterScope('vae'), config, latent, { image, features, fidelity }),
    ).toThrow('This decoder takes no photo');
  });
});
