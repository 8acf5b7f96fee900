import type { Runtime } from '../../runtime/runtime.ts';
import type { VerifyRow } from '../report.ts';
import type { MetricsSet } from './metrics-set.ts';
import type { BindFormula } from './set-weights.ts';

export interface VerifyMetricsContext {
  readonly runtime: Runtime;
  /** Where formula weights are kept. */
  readonly bind: BindFormula;
  /** Reads a text file beside the set, by its relative path. */
  readonly readText: (path: string) => Promise<string>;
}

/** Computes everything that a set of one kind expects. */
export type VerifyMetricsSet = (set: MetricsSet, context: VerifyMetricsContext) => AsyncIterable<VerifyRow>;
