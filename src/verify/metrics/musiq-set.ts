import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { pixelsToTensor } from '../../image/pixel-tensor.ts';
import { buildMusiq, type MusiqConfig, type MusiqOutputs } from '../../models/musiq/musiq.ts';
import { type MusiqPatches, musiqPatches, withoutPadding } from '../../models/musiq/musiq-patches.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { type Tensors, withSession } from '../../runtime/runtime.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { formulaImage } from '../formula.ts';
import type { VerifyMetricsContext, VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const size = z.number().int().positive();
const specSchema = z.object({
  namespace: z.string(),
  hidden_size: size,
  mlp_dim: size,
  num_heads: size,
  num_layers: size,
  grid: size,
});

/** MUSIQ: the patches of several scales, the network's inside, the score. */
export const verifyMusiqSet: VerifyMetricsSet = async function* (set, context) {
  const spec = set.spec(specSchema);
  const network = openNetwork(spec, set.json, context);
  yield* verifyWeights(set.json, network.tensors);
  for (const i of set.indices((n) => `image${n}`)) {
    const all = musiqPatches(pixelsToTensor(await set.picture(`image${i}`)), spec.grid);
    yield await set.compare(`patches${i}`, all.patches.data);
    yield await set.compare(`spatial${i}`, all.positions.data);
    yield await set.compare(`scale${i}`, all.scales.data);
    yield await set.compare(`mask${i}`, all.mask);
    // The reference has what the first layers make of padding too.
    const inside = await network.run(all, ['stem', 'tokens']);
    yield await set.compare(`stem${i}`, inside['stem']!.data);
    yield await set.compare(`tokens${i}`, inside['tokens']!.data);
    const results = await network.run(withoutPadding(all), ['encodedClass', 'score']);
    yield await set.compare(`encoded_cls${i}`, results['encodedClass']!.data);
    yield* set.value(`score${i}`, results['score']!.data[0]!, { beside: { tokens: all.mask.length } });
  }
};

/** MUSIQ at the published size, on a formula image. */
export const verifyFullMusiqSet: VerifyMetricsSet = async function* (set, context) {
  const spec = set.spec(specSchema);
  const network = openNetwork(spec, set.json, context);
  yield* verifyWeights(set.json, network.tensors);
  const all = musiqPatches(
    formulaImage(1, imageSide(set.json.spec['image']), `${spec.namespace}/image`),
    spec.grid,
  );
  const results = await network.run(withoutPadding(all), ['tokens', 'encodedClass', 'score']);
  yield await set.compare('tokens', results['tokens']!.data);
  yield await set.compare('encoded_cls', results['encodedClass']!.data);
  yield* set.value('score', results['score']!.data[0]!, { beside: { tokens: all.mask.length } });
};

/** The side that a description of a square formula image names: `3 x 512 x 512`. */
export function imageSide(description: unknown): number {
  const side = /3 x (\d+) x \1/.exec(String(description))?.[1];
  if (side === undefined) throw new RangeError(`Cannot verify: no image is described by ${description}`);
  return Number(side);
}

function openNetwork(
  spec: z.infer<typeof specSchema>,
  json: Parameters<typeof formulaTensors>[0],
  { runtime, bind }: VerifyMetricsContext,
) {
  const config: MusiqConfig = {
    width: spec.hidden_size,
    depth: spec.num_layers,
    heads: spec.num_heads,
    mlpWidth: spec.mlp_dim,
    grid: spec.grid,
    scales: 3,
  };
  const scope = parameterScope(spec.namespace);
  const build = (tensors: Record<string, HostTensor>): Record<keyof MusiqOutputs, Value> => ({
    ...buildMusiq(scope, config, {
      patches: input('patches', tensors['patches']!.shape),
      positions: input('positions', tensors['positions']!.shape),
      scales: input('scales', tensors['scales']!.shape),
    }),
  });
  const one = { patches: { shape: [1, 3, 32, 32], data: new Float32Array(3 * 32 * 32) } };
  const single = { shape: [1], data: new Float32Array(1) };
  const tensors = formulaTensors(json, Object.values(build({ ...one, positions: single, scales: single })));
  return {
    tensors,
    async run(
      { patches, positions, scales }: MusiqPatches,
      names: readonly (keyof MusiqOutputs)[],
    ): Promise<Tensors> {
      const feeds = { patches, positions, scales };
      const outputs = build(feeds);
      const wanted = Object.fromEntries(names.map((name) => [name, outputs[name]]));
      const model = emitModel('MUSIQ', wanted, await bind(tensors));
      return withSession(runtime, model, (session) => session.run(feeds));
    },
  };
}
