/** DreamSim (Fu et al. 2023, arXiv:2306.09344): how alike two pictures look to people, by fine-tuned transformers. */
import { concat, constant, div, mul, reduceMean, reduceSum, sqrt, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { buildVit, type LoraWeights, type VitConfig, type VitFeatures } from '../vit/vit.ts';

/** One of the transformers whose features are put side by side. */
export interface DreamsimBranch {
  readonly scope: ParameterScope;
  readonly config: VitConfig;
  readonly statistics: PixelStatistics;
  readonly lora?: LoraWeights;
}

/** Mean and deviation of each channel that pixels in [0, 1] are normalised by. */
export interface PixelStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export const imagenetStatistics: PixelStatistics = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};
export const clipStatistics: PixelStatistics = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};

const published = { width: 768, depth: 12, heads: 12, patch: 16 } as const;

/** The published branches, in the order in which their features stand. */
export const dreamsimBranches = {
  dino_vitb16: {
    config: { ...published, epsilon: 1e-6, activation: 'gelu' },
    statistics: imagenetStatistics,
  },
  clip_vitb16: {
    config: { ...published, epsilon: 1e-5, activation: 'quick_gelu', projection: 512 },
    statistics: clipStatistics,
  },
  open_clip_vitb16: {
    config: { ...published, epsilon: 1e-5, activation: 'gelu', projection: 512 },
    statistics: clipStatistics,
  },
} as const satisfies Record<string, Pick<DreamsimBranch, 'config' | 'statistics'>>;

/** The side of the square that pictures are resized to, whatever their shape. */
export const dreamsimSize = 224;

export interface DreamsimFeatures {
  /** Features of all branches side by side, [N, D]. */
  readonly feature: Value;
  /** The same less its own mean, over its length: distances are 1 − cosine of these. */
  readonly embed: Value;
  /** Of each branch. */
  readonly branches: readonly VitFeatures[];
}

/** @param image [N, 3, S, S] in [0, 1] */
export function buildDreamsim(branches: readonly DreamsimBranch[], image: Value): DreamsimFeatures {
  const outputs = branches.map(({ scope, config, statistics, lora }) => {
    const perChannel = (values: readonly number[]): Value => constant([1, 3, 1, 1], values);
    const normal = div(sub(image, perChannel(statistics.mean)), perChannel(statistics.deviation));
    return buildVit(scope, config, normal, lora);
  });
  const features = outputs.map(({ projected, classToken }) => projected ?? classToken);
  const feature = features.length === 1 ? features[0]! : concat(features, 1);
  return { feature, embed: embedding(feature), branches: outputs };
}

/** [N, D] less its mean over D, over its length. */
function embedding(feature: Value): Value {
  const centred = sub(feature, reduceMean(feature, [1], true));
  return div(centred, sqrt(reduceSum(mul(centred, centred), [1], true)));
}
