import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { pixelsToTensor } from '../../image/pixel-tensor.ts';
import { buildLpipsTerms, lpipsTrunks } from '../../models/lpips/lpips.ts';
import { inferVggWidths } from '../../models/vgg/vgg.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import type { VerifyRow } from '../report.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const specSchema = z.object({ namespaces: z.partialRecord(z.enum(lpipsTrunks), z.string()) });

/** LPIPS over AlexNet and VGG16: the features that are compared, each layer's term, the distances. */
export const verifyLpipsSet: VerifyMetricsSet = async function* (set, { runtime, bind }) {
  const { namespaces } = set.spec(specSchema);
  for (const trunk of lpipsTrunks) {
    const namespace = namespaces[trunk];
    if (namespace === undefined) continue;
    const keys = set.json.weights?.[namespace] ?? {};
    const widths = inferVggWidths((key) => keys[key]?.[0], 16);
    const scope = parameterScope(namespace);
    const networks = { trunk: scope, linear: scope };
    const build = (height: number, width: number): Record<string, Value> => {
      const images = [input('a', [1, 3, height, width]), input('b', [1, 3, height, width])] as const;
      const options = { trunk, widths, doubleNormalisation: false };
      const { terms, a } = buildLpipsTerms(networks, ...images, options);
      return {
        ...Object.fromEntries(terms.map((term, k) => [`term${k}`, term])),
        ...Object.fromEntries(a.map((relu, k) => [`relu${k + 1}`, relu])),
      };
    };
    const tensors = formulaTensors(set.json, Object.values(build(64, 64)));
    yield* verifyWeights(set.json, tensors);
    const binder = await bind(tensors);
    for (const i of set.indices((n) => `image${n}a`)) {
      const a = await set.picture(`image${i}a`);
      const model = emitModel(`LPIPS ${trunk}`, build(a.height, a.width), binder);
      yield* await withSession(runtime, model, async (session) => {
        const rows: VerifyRow[] = [];
        for (const other of ['b', 'c', 'd', 'e'].filter((letter) => set.has(`image${i}${letter}`))) {
          const b = await set.picture(`image${i}${other}`);
          const results = await session.run({ a: pixelsToTensor(a), b: pixelsToTensor(b) });
          const layers = lpipsLayers.map((k) => results[`term${k}`]!.data[0]!);
          const distance = layers.reduce((sum, term) => sum + term, 0);
          if (`${trunk}.${i}a${other}` in set.json.values)
            rows.push(...set.value(`${trunk}.${i}a${other}`, distance, { beside: { layers } }));
          if (other !== 'b') continue;
          for (const k of lpipsLayers)
            if (set.has(`${trunk}.relu${k + 1}.${i}a`))
              rows.push(await set.compare(`${trunk}.relu${k + 1}.${i}a`, results[`relu${k + 1}`]!.data));
        }
        return rows;
      });
    }
  }
};

const lpipsLayers = [0, 1, 2, 3, 4];
