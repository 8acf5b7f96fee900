import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { resizePillowBicubic } from '../../image/resize-pillow.ts';
import { cosineDistance } from '../../metrics/cosine-distance.ts';
import {
  buildDreamsim,
  clipStatistics,
  type DreamsimBranch,
  imagenetStatistics,
} from '../../models/dreamsim/dreamsim.ts';
import { dreamsimInput } from '../../models/dreamsim/dreamsim-input.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import type { VerifyRow } from '../report.ts';
import type { MetricsSet } from './metrics-set.ts';
import type { VerifyMetricsContext, VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const branchNames = ['dino', 'clip', 'open_clip'] as const;
type BranchName = (typeof branchNames)[number];
const byBranch = <Item extends z.ZodType>(item: Item) =>
  z.object({ dino: item, clip: item, open_clip: item });
const size = z.number().int().positive();
const specSchema = z.object({
  namespaces: byBranch(z.string()),
  image_size: size,
  patch: size,
  embed_dim: size,
  depth: size,
  num_heads: size,
  lora_r: size,
  lora_alpha: z.number(),
  clip_proj: size,
  layer_norm_eps: byBranch(z.number()),
  activation: byBranch(z.enum(['gelu', 'quick_gelu'])),
});
type Spec = z.infer<typeof specSchema>;

/** DreamSim: the resized pictures; features, embeddings and distances of one branch, tuned or not, and of all three. */
export const verifyDreamsimSet: VerifyMetricsSet = async function* (set, context) {
  const spec = set.spec(specSchema);
  const side = spec.image_size;
  for (const i of set.indices((n) => `image${n}`)) {
    const { data } = resizePillowBicubic(await set.picture(`image${i}`), { width: side, height: side });
    yield await set.compare(`resized${i}`, data);
  }
  const tuned = branchNames.map((name) => branch(spec, name, true));
  const variants = {
    dino: [branch(spec, 'dino', false)],
    dino_lora: tuned.slice(0, 1),
    ensemble_lora: tuned,
  };
  for (const [label, branches] of Object.entries(variants))
    yield* verifyVariant(set, context, label, branches, side);
};

function branch(spec: Spec, name: BranchName, lora: boolean): DreamsimBranch {
  const scope = parameterScope(spec.namespaces[name]);
  const place = `base_model.model.extractor_list.${branchNames.indexOf(name)}.model`;
  return {
    scope,
    statistics: name === 'dino' ? imagenetStatistics : clipStatistics,
    config: {
      width: spec.embed_dim,
      depth: spec.depth,
      heads: spec.num_heads,
      patch: spec.patch,
      epsilon: spec.layer_norm_eps[name],
      activation: spec.activation[name],
      ...(name !== 'dino' && { projection: spec.clip_proj }),
    },
    ...(lora && { lora: { scope: scope.at(place), rank: spec.lora_r, alpha: spec.lora_alpha } }),
  };
}

async function* verifyVariant(
  set: MetricsSet,
  { runtime, bind }: VerifyMetricsContext,
  label: string,
  branches: readonly DreamsimBranch[],
  side: number,
): AsyncGenerator<VerifyRow> {
  const image = input('image', [1, 3, side, side]);
  const { feature, embed } = buildDreamsim(branches, image);
  const features = { feature, embed, ...(label === 'dino' && finalNorm(branches[0]!, image)) };
  // DINO's own features are taken before its final norm.
  const unused = label === 'dino' ? /lora_[AB]\.weight$/ : /^norm\./;
  const tensors = formulaTensors(set.json, Object.values(features), unused);
  if (label !== 'dino_lora') yield* verifyWeights(set.json, tensors);
  const model = emitModel(label, features, await bind(tensors));
  const embeds: Float32Array[] = [];
  yield* await withSession(runtime, model, async (session) => {
    const rows: VerifyRow[] = [];
    for (const i of set.indices((n) => `image${n}`)) {
      const results = await session.run({ image: dreamsimInput(await set.picture(`image${i}`), side) });
      embeds.push(results['embed']!.data);
      for (const [name, { data }] of Object.entries(results))
        if (set.has(`${label}.${name}${i}`)) rows.push(await set.compare(`${label}.${name}${i}`, data));
    }
    return rows;
  });
  for (const [i, a] of embeds.entries())
    for (const [j, b] of embeds.entries())
      if (`${label}.distance.${i}${j}` in set.json.values)
        yield* set.value(`${label}.distance.${i}${j}`, cosineDistance(a, b));
}

/** The class token after the final norm, which the reference takes of a picture that was not normalised. */
function finalNorm(branch: DreamsimBranch, image: Value): { cls_after_final_norm: Value } {
  const statistics = { mean: [0, 0, 0], deviation: [1, 1, 1] };
  return { cls_after_final_norm: buildDreamsim([{ ...branch, statistics }], image).branches[0]!.normalised };
}
