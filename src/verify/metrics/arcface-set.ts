import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import { descriptorAngle } from '../../metrics/descriptor-angle.ts';
import { arcfaceSize, buildArcface, unusedArcfaceWeights } from '../../models/arcface/arcface.ts';
import { arcfaceInput, arcfacePicture, openCvGray } from '../../models/arcface/arcface-input.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const specSchema = z.object({ namespace: z.string(), use_se: z.literal(false) });

/** The identity network: gray, resizing, descriptors, the angles between them. */
export const verifyArcfaceSet: VerifyMetricsSet = async function* (set, { runtime, bind }) {
  const { namespace } = set.spec(specSchema);
  const face = input('face', [1, 1, arcfaceSize, arcfaceSize]);
  const descriptor = buildArcface(parameterScope(namespace), face);
  const tensors = formulaTensors(set.json, [descriptor], unusedArcfaceWeights);
  yield* verifyWeights(set.json, tensors);
  const model = emitModel('ArcFace', { descriptor }, await bind(tensors));
  const indices = set.indices((n) => `image${n}`);
  const descriptors: Float32Array[] = [];
  yield* await withSession(runtime, model, async (session) => {
    const rows = [];
    for (const i of indices) {
      const gray = openCvGray(await set.picture(`image${i}`));
      if (set.has(`gray${i}`)) rows.push(await set.compare(`gray${i}`, gray.data));
      if (set.has(`resized${i}`)) rows.push(await set.compare(`resized${i}`, arcfacePicture(gray).data));
      const { descriptor: computed } = await session.run({ face: arcfaceInput(gray) });
      descriptors.push(computed!.data);
      rows.push(await set.compare(`descriptor${i}`, computed!.data));
    }
    return rows;
  });
  for (const name of Object.keys(set.json.tensors).filter((tensor) => tensor.endsWith('_resized')))
    yield await set.compare(name, arcfacePicture(await set.picture(name.slice(0, -'_resized'.length))).data);
  for (const i of indices)
    for (const j of indices)
      if (`angle_deg.${i}${j}` in set.json.values)
        yield* set.value(`angle_deg.${i}${j}`, descriptorAngle(descriptors[i]!, descriptors[j]!), {
          error: 'absolute',
        });
};
