/** Loads what measures by named metrics, for the time of a command, with progress and words about what is missing. */
import path from 'node:path';
import type { SetStatistics } from '../../metrics/feature-statistics.ts';
import { type MetricName, metricInfo } from '../../metrics/metric-table.ts';
import type { ScoredSet } from '../../metrics/scored-set.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { isFolder } from '../../platform/node/files/file-kind.ts';
import { openFidReference } from '../../platform/node/measure/fid-reference.ts';
import { type LoadedMetrics, loadMeasures } from '../../platform/node/measure/load-measures.ts';
import {
  type ComparedPair,
  type MeasureSettings,
  measurePictures,
} from '../../platform/node/measure/measure-pictures.ts';
import { openScoresJournal } from '../../platform/node/measure/scores-journal.ts';
import { type SourceFolders, sourcePictures } from '../../platform/node/measure/source-pictures.ts';
import { findMetricWeights } from '../../platform/node/model/metric-weights.ts';
import type { DeviceChoice } from '../../runtime/runtime.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { adviseOn } from '../terminal/advice.ts';
import { Progress } from '../terminal/progress.ts';
import type { WeightPlaces } from './metric-flags.ts';
import type { EvaluateEnvironment, FailedPicture } from './run-evaluate.ts';

/**
 * A file that keeps scores picture by picture, or what names it by a text that differs wherever the scores would.
 */
export type JournalPlace = string | ((settings: string) => string);

/** What is to be measured, by which weights. */
export interface MetricChoice {
  readonly metrics: readonly MetricName[];
  readonly weights: WeightPlaces;
  readonly fidReference?: string;
  /** Keeps the features of the reference's pictures; see the journal of {@link MetricSession.measure}. */
  readonly referenceJournal?: JournalPlace;
  readonly device?: DeviceChoice;
  readonly threads?: number;
}

/** What was measured of a set, and the pictures that could not be. */
export interface MeasuredPictures {
  readonly set: ScoredSet;
  readonly failed: readonly FailedPicture[];
}

/** Loaded metrics. */
export interface MetricSession extends Pick<LoadedMetrics, 'used' | 'missing'> {
  readonly progress: Progress;
  /** Told before each picture of whatever is under way. */
  readonly onPicture: (done: number, total: number, name: string) => void;
  /** Those of some metrics that can be measured. */
  measurable(names: readonly MetricName[]): MetricName[];
  /**
   * @param label names the set for the user, and in its journal
   * @param options.metrics those of the set; all that were loaded unless given
   */
  measure(
    label: string,
    folders: SourceFolders,
    options?: {
      readonly metrics?: readonly MetricName[];
      readonly journal?: JournalPlace;
      readonly keep?: MeasureSettings['keep'];
    },
  ): Promise<MeasuredPictures>;
}

/** @throws {Error} if nothing of what was asked for can be measured */
export async function withMetrics<Result>(
  { metrics: names, weights, device, threads, ...choice }: MetricChoice,
  { stderr, signal }: Pick<EvaluateEnvironment, 'stderr' | 'signal'>,
  use: (session: MetricSession) => Promise<Result>,
): Promise<Result> {
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
    const place = choice.fidReference ?? files.get('ffhq');
    const inception = metrics.measures.get('fid');
    if (inception && place === undefined)
      progress.line(
        'fid is not measured: there are no statistics of FFHQ; give --fid-reference, or take fid-truth',
      );
    const openJournal = async (journal: JournalPlace | undefined, settings: unknown) => {
      const text = JSON.stringify(settings);
      const file = typeof journal === 'function' ? journal(text) : journal;
      const opened = file === undefined ? undefined : await openScoresJournal(file, text);
      if (opened && opened.known > 0) progress.line(`Going on from ${opened.known} pictures in ${file}`);
      return opened;
    };
    let fidReference: SetStatistics | undefined;
    if (inception && place !== undefined) {
      // Of published statistics there is nothing to keep.
      const folder = await isFolder(place);
      const journal = folder
        ? await openJournal(choice.referenceJournal, ['fid reference', metrics.used, path.resolve(place)])
        : undefined;
      const opening = openFidReference(place, { inception, journal, onPicture, signal });
      fidReference = await untilAborted(opening, signal);
    }
    const measurable = (wanted: readonly MetricName[]): MetricName[] =>
      wanted.filter((name) => metrics.measures.has(name) && (name !== 'fid' || fidReference));
    if (measurable(names).length === 0)
      throw new Error(`Cannot measure ${names.join(', ')}: there is nothing to take them to`);
    return await use({
      used: metrics.used,
      missing: metrics.missing,
      progress,
      onPicture,
      measurable,
      async measure(label, folders, { metrics: wanted = names, journal: place, keep } = {}) {
        progress.line(`Measuring ${label}`);
        const measures = new Map(measurable(wanted).map((name) => [name, metrics.measures.get(name)!]));
        const journal = await openJournal(place, [[...measures.keys()], metrics.used, label, folders.size]);
        const sources = await sourcePictures(folders);
        const failed: FailedPicture[] = [];
        const onFailed = (name: string, error: unknown): void => {
          failed.push({ name, error: adviseOn(error) });
          progress.line(`not measured: ${adviseOn(error)}`);
        };
        let told = false;
        const onResized = ({ picture, truthSize }: ComparedPair): void => {
          if (told || !truthSize) return;
          told = true;
          const [own, whole] = [picture.pixels, truthSize].map(({ width, height }) => `${width} × ${height}`);
          progress.line(
            `The truth is resized from ${whole} to ${own}; scores at different sizes, FID and MUSIQ above all, do not compare`,
          );
        };
        const reading = { fidReference, journal, onPicture, onFailed, onResized, keep, signal };
        const measuring = measurePictures(sources, { metrics: { ...metrics, measures }, ...reading });
        return { set: await untilAborted(measuring, signal), failed };
      },
    });
  } finally {
    progress.close();
    if (!signal.aborted) await metrics.release();
  }
}
