/** Verification of metrics and of the networks that they use, against what the public code computes. */
import type { VerifyRow } from '../report.ts';
import type { ReadTensor } from '../restoration.ts';
import { verifyArcfaceSet } from './arcface-set.ts';
import { verifyFidSet } from './fid-set.ts';
import { verifyInceptionSet } from './inception-set.ts';
import { verifyLpipsSet } from './lpips-set.ts';
import { MetricsSet, metricsSetSchema } from './metrics-set.ts';
import { verifyPsnrSsimSet } from './psnr-ssim-set.ts';
import type { VerifyMetricsContext, VerifyMetricsSet } from './set-verifier.ts';

/** By the `set` of the JSON. */
const verifiers: Readonly<Record<string, VerifyMetricsSet>> = {
  inception: verifyInceptionSet,
  fid: verifyFidSet,
  lpips: verifyLpipsSet,
  arcface: verifyArcfaceSet,
  'psnr-ssim': verifyPsnrSsimSet,
};

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
  const verify = verifiers[parsed.set];
  if (!verify)
    throw new RangeError(
      `Cannot verify a set of the kind ${JSON.stringify(parsed.set)}: known are ${Object.keys(verifiers).join(', ')}`,
    );
  const set = new MetricsSet(parsed, read);
  yield* verify(set, context);
  yield* set.missed();
}
