/** Verification of metrics and of the networks that they use, against what the public code computes. */
import type { VerifyRow } from '../report.ts';
import type { ReadTensor } from '../restoration.ts';
import { verifyArcfaceSet } from './arcface-set.ts';
import { verifyBpeSet } from './bpe-set.ts';
import { verifyClipTextSet, verifyFullClipTextSet } from './clip-text-set.ts';
import { verifyDreamsimSet } from './dreamsim-set.ts';
import { verifyFidSet } from './fid-set.ts';
import { verifyFullVitSet } from './full-vit-set.ts';
import { verifyHistSet } from './hist-set.ts';
import { verifyInceptionSet } from './inception-set.ts';
import { verifyLpipsSet } from './lpips-set.ts';
import { MetricsSet, type MetricsSetJson, metricsSetSchema } from './metrics-set.ts';
import { verifyFullMusiqSet, verifyMusiqSet } from './musiq-set.ts';
import { verifyPsnrSsimSet } from './psnr-ssim-set.ts';
import type { VerifyMetricsContext, VerifyMetricsSet } from './set-verifier.ts';
import { verifyTsneSet } from './tsne-set.ts';
import { verifyEulerSet, verifyFullUNetSet, verifyLcmSet } from './unet-set.ts';

/** By the `set` of the JSON. */
const verifiers: Readonly<Record<string, VerifyMetricsSet>> = {
  inception: verifyInceptionSet,
  fid: verifyFidSet,
  lpips: verifyLpipsSet,
  arcface: verifyArcfaceSet,
  'psnr-ssim': verifyPsnrSsimSet,
  musiq: verifyMusiqSet,
  dreamsim: verifyDreamsimSet,
  bpe: verifyBpeSet,
  'clip-text': verifyClipTextSet,
  'sd21-unet': verifyEulerSet,
  'lcm-t2i': verifyLcmSet,
  hist: verifyHistSet,
  tsne: verifyTsneSet,
};

/** Networks of published sizes, by an option that only theirs have. */
const fullVerifiers: Readonly<Record<string, VerifyMetricsSet>> = {
  vocab: verifyFullClipTextSet,
  mlp_dim: verifyFullMusiqSet,
  unet: verifyFullUNetSet,
  embed_dim: verifyFullVitSet,
};

function verifierOf({ set, spec }: MetricsSetJson): VerifyMetricsSet | undefined {
  if (!set.startsWith('full-')) return verifiers[set];
  const option = Object.keys(fullVerifiers).find((name) => name in spec);
  return option === undefined ? undefined : fullVerifiers[option];
}

/** Whether a parsed JSON is a set of metrics' reference values. */
export function isMetricsSet(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'set' in json && 'spec' in json;
}

/**
 * Recomputes every tensor and number that a set expects; what is expected and was not computed fails.
 * @param json the set's JSON
 * @param read its tensors; 8-bit ones as float32 of 0..255
 * @throws {z.ZodError} if the JSON has another form, {RangeError} for a set of an unknown kind
 */
export async function* verifyMetricsSet(
  json: unknown,
  read: ReadTensor,
  context: VerifyMetricsContext,
): AsyncGenerator<VerifyRow> {
  const parsed = metricsSetSchema.parse(json);
  const verify = verifierOf(parsed);
  if (!verify)
    throw new RangeError(
      `Cannot verify a set of the kind ${JSON.stringify(parsed.set)}: known are ${Object.keys(verifiers).join(', ')}, and full- ones`,
    );
  const set = new MetricsSet(parsed, read);
  yield* verify(set, context);
  yield* set.missed();
}
