import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import { buildInception, inceptionSize, unusedInceptionWeights } from '../../models/inception/inception.ts';
import { inceptionInput } from '../../models/inception/inception-input.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const specSchema = z.object({ namespace: z.string() });

/** FID's Inception v3: the resized picture, three stages inside, the features. */
export const verifyInceptionSet: VerifyMetricsSet = async function* (set, { runtime, bind }) {
  const { namespace } = set.spec(specSchema);
  const image = input('image', [1, 3, inceptionSize, inceptionSize]);
  const features = { ...buildInception(parameterScope(namespace), image) };
  const tensors = formulaTensors(set.json, Object.values(features), unusedInceptionWeights);
  yield* verifyWeights(set.json, tensors);
  const model = emitModel('Inception', features, await bind(tensors));
  yield* await withSession(runtime, model, async (session) => {
    const rows = [];
    for (const i of set.indices((n) => `image${n}`)) {
      const resized = inceptionInput(await set.picture(`image${i}`));
      const { block0, block1, block2, pool3 } = await session.run({ image: resized });
      for (const [name, tensor] of Object.entries({ resized }))
        rows.push(await set.compare(`${name}${i}`, tensor.data));
      for (const [name, tensor] of Object.entries({ block0, block1, block2, pool3 }))
        rows.push(await set.compare(`${name}_${i}`, tensor?.data));
    }
    return rows;
  });
};
