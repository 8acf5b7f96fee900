/** `evaluate --metrics`: measures folders by named metrics, and writes the tables. */
import { type MetricName, metricInfo } from '../../metrics/metric-table.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { openFidReference } from '../../platform/node/measure/fid-reference.ts';
import { type LoadedMetrics, loadMeasures } from '../../platform/node/measure/load-measures.ts';
import { measurePictures } from '../../platform/node/measure/measure-pictures.ts';
import { openScoresJournal } from '../../platform/node/measure/scores-journal.ts';
import { type SourceFolders, sourcePictures } from '../../platform/node/measure/source-pictures.ts';
import { findMetricWeights } from '../../platform/node/model/metric-weights.ts';
import type { DeviceChoice } from '../../runtime/runtime.ts';
import { adviseOn } from '../terminal/advice.ts';
import { untilAborted } from '../terminal/interruption.ts';
import { Progress } from '../terminal/progress.ts';
import type { WeightPlaces } from './metric-flags.ts';
import type { EvaluateEnvironment, FailedPicture } from './run-evaluate.ts';
import { csvScores, formatScores, markdownScores, type ScoredRow } from './score-table.ts';

export interface MetricsRequest {
  readonly metrics: readonly MetricName[];
  readonly weights: WeightPlaces;
  readonly fidReference?: string;
  /** Sets of pictures and how they are called in tables. */
  readonly sets: readonly (SourceFolders & { readonly label: string })[];
  readonly journal?: string;
  readonly json?: boolean;
  readonly markdown?: string;
  readonly csv?: string;
  readonly device?: DeviceChoice;
  readonly threads?: number;
}

/** Measures, and writes what was asked for. @returns the exit code: 0, or 1 if some pictures could not be measured */
export async function runMetrics(request: MetricsRequest, environment: EvaluateEnvironment): Promise<number> {
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
export async function measureSets(
  request: Omit<MetricsRequest, 'json' | 'markdown' | 'csv'>,
  { stderr, signal }: EvaluateEnvironment,
): Promise<{ rows: MeasuredRow[]; used: LoadedMetrics['used'] }> {
  const { metrics: names, weights, device, threads } = request;
  const progress = new Progress(stderr, { total: 1 });
  const onPicture = (done: number, total: number, name: string): void => {
    progress.total = total;
    progress.update(done, `[${done + 1}/${total}] ${name}`);
  };
  const needed = new Set(names.flatMap((name) => metricInfo(name).weights));
  const files = await findMetricWeights([...needed, 'ffhq'], weights.folders, weights.files);
  const runtime = await createNodeRuntime({ device, threads });
  const metrics = await untilAborted(loadMeasures(names, files, runtime), signal);
  try {
    for (const [name, lacks] of metrics.missing) progress.line(`${name} is not measured: it needs ${lacks}`);
    if (metrics.measures.size === 0)
      throw new Error(`Cannot measure ${names.join(', ')}: the weights are missing`);
    const place = request.fidReference ?? files.get('ffhq');
    const inception = metrics.measures.get('fid');
    if (inception && place === undefined)
      progress.line(
        'fid is not measured: there are no statistics of FFHQ; give --fid-reference, or take fid-truth',
      );
    const fidReference =
      inception && place !== undefined
        ? await untilAborted(openFidReference(place, { inception, onPicture, signal }), signal)
        : undefined;
    const rows: MeasuredRow[] = [];
    for (const { label, ...folders } of request.sets) {
      progress.line(`Measuring ${label}`);
      const settings = JSON.stringify([[...metrics.measures.keys()], metrics.used, label, folders.size]);
      const journal =
        request.journal === undefined
          ? undefined
          : await openScoresJournal(journalOf(request.journal, label, request.sets.length), settings);
      if (journal && journal.known > 0)
        progress.line(`Going on from ${journal.known} pictures in ${request.journal}`);
      const sources = await sourcePictures(folders);
      const failed: FailedPicture[] = [];
      const onFailed = (name: string, error: unknown): void => {
        failed.push({ name, error: adviseOn(error) });
        progress.line(`not measured: ${adviseOn(error)}`);
      };
      const reading = { fidReference, journal, onPicture, onFailed, signal };
      const measuring = measurePictures(sources, { metrics, ...reading });
      rows.push({ label, set: await untilAborted(measuring, signal), failed });
    }
    progress.close();
    return { rows, used: metrics.used };
  } finally {
    progress.close();
    if (!signal.aborted) await metrics.release();
  }
}

/** Several sets have a journal each. */
function journalOf(file: string, label: string, count: number): string {
  return count === 1 ? file : `${file}.${label.replaceAll(/[^\w-]+/g, '-')}`;
}
