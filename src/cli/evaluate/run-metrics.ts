/** `evaluate --metrics`: measures folders by named metrics, and writes the tables. */
import { requireFilePlace, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import type { LoadedMetrics } from '../../platform/node/measure/load-measures.ts';
import type { SourceFolders } from '../../platform/node/measure/source-pictures.ts';
import type { EvaluateEnvironment, FailedPicture } from './run-evaluate.ts';
import { csvScores, formatScores, markdownScores, type ScoredRow } from './score-table.ts';
import { type MetricChoice, withMetrics } from './with-metrics.ts';

export interface MetricsRequest extends MetricChoice {
  /** Sets of pictures and how they are called in tables. */
  readonly sets: readonly (SourceFolders & { readonly label: string })[];
  readonly journal?: string;
  readonly json?: boolean;
  readonly markdown?: string;
  readonly csv?: string;
}

/** Measures, and writes what was asked for. @returns the exit code: 0, or 1 if some pictures could not be measured */
export async function runMetrics(request: MetricsRequest, environment: EvaluateEnvironment): Promise<number> {
  for (const file of [request.markdown, request.csv]) await requireFilePlace(file);
  const { rows, used } = await measureSets(request, environment);
  if (!request.json) environment.stdout.write(formatScores(rows));
  const report = {
    sets: rows.map(({ label, set, failed }) => ({ label, count: set.pictures.length, ...set, failed })),
    weights: used,
    fidReference: request.fidReference,
  };
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (request.json) environment.stdout.write(json);
  if (request.markdown !== undefined) await writeFileAtomically(request.markdown, markdownScores(rows));
  if (request.csv !== undefined) await writeFileAtomically(request.csv, csvScores(rows));
  return rows.some(({ failed }) => failed.length > 0) ? 1 : 0;
}

/** A set of pictures, measured. */
export interface MeasuredRow extends ScoredRow {
  readonly failed: readonly FailedPicture[];
}

/** @throws {Error} if nothing of what was asked for can be measured */
async function measureSets(
  request: Omit<MetricsRequest, 'json' | 'markdown' | 'csv'>,
  environment: EvaluateEnvironment,
): Promise<{ rows: MeasuredRow[]; used: LoadedMetrics['used'] }> {
  return withMetrics(request, environment, async ({ measure, used }) => {
    const rows: MeasuredRow[] = [];
    for (const { label, ...folders } of request.sets) {
      const journal = request.journal && journalOf(request.journal, label, request.sets.length);
      rows.push({ label, ...(await measure(label, folders, { journal })) });
    }
    return { rows, used };
  });
}

/** Several sets have a journal each. */
function journalOf(file: string, label: string, count: number): string {
  return count === 1 ? file : `${file}.${label.replaceAll(/[^\w-]+/g, '-')}`;
}
