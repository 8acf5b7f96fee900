import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import { buildDreamsim, imagenetStatistics } from '../../models/dreamsim/dreamsim.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import { elementCount, hostTensor } from '../../tensor/host-tensor.ts';
import { formulaImage } from '../formula.ts';
import { imageSide } from './musiq-set.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const size = z.number().int().positive();
const specSchema = z.object({
  namespace: z.string(),
  embed_dim: size,
  depth: size,
  num_heads: size,
  patch: size,
  image: z.string(),
});

/** DINO's vision transformer at the published size, on a formula image. */
export const verifyFullVitSet: VerifyMetricsSet = async function* (set, { runtime, bind }) {
  const spec = set.spec(specSchema);
  const side = imageSide(spec.image);
  const image = input('image', [1, 3, side, side]);
  const config = {
    width: spec.embed_dim,
    depth: spec.depth,
    heads: spec.num_heads,
    patch: spec.patch,
    epsilon: 1e-6,
    activation: 'gelu' as const,
  };
  const scope = parameterScope(spec.namespace);
  const { feature, embed, branches } = buildDreamsim(
    [{ scope, config, statistics: imagenetStatistics }],
    image,
  );
  const outputs = { feature, embed, cls_after_final_norm: branches[0]!.normalised };
  const tensors = formulaTensors(set.json, Object.values(outputs));
  yield* verifyWeights(set.json, tensors);
  const parameters = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if ('parameters' in set.json.values) yield* set.value('parameters', parameters);
  const model = emitModel('vision transformer', outputs, await bind(tensors));
  const unit = formulaImage(1, side, `${spec.namespace}/image`).data.map((x) => (x + 1) / 2);
  const feeds = { image: hostTensor(image.shape, unit) };
  const results = await withSession(runtime, model, (session) => session.run(feeds));
  for (const [name, { data }] of Object.entries(results)) yield await set.compare(name, data);
};
