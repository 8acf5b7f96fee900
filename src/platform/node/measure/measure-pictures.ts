/** Measures one set of pictures by named metrics, one picture at a time, going on where a journal ends. */
import type { MeasuredPicture, PictureFeatures } from '../../../measure/measured-picture.ts';
import type { SourcePicture } from '../../../measure/picture-measure.ts';
import { FeatureGatherer, type SetStatistics } from '../../../metrics/feature-statistics.ts';
import { frechetDistance } from '../../../metrics/frechet.ts';
import { type MetricName, metricInfo } from '../../../metrics/metric-table.ts';
import { type ScoredPicture, type ScoredSet, summarizeScores } from '../../../metrics/scored-set.ts';
import { Failures } from './failures.ts';
import type { LoadedMetrics } from './load-measures.ts';
import type { ScoresJournal } from './scores-journal.ts';

export interface MeasureSettings {
  readonly metrics: LoadedMetrics;
  /** What `fid` is taken to. */
  readonly fidReference?: SetStatistics;
  readonly journal?: ScoresJournal;
  readonly onPicture?: (done: number, total: number, name: string) => void;
  /** Called for each picture that cannot be measured; the others are. */
  readonly onFailed?: (name: string, error: unknown) => void;
  /** Called for each pair whose truth was resized. */
  readonly onResized?: (pair: ComparedPair) => void;
  /** Gets the pictures as they were compared. @returns whether more are wanted */
  readonly keep?: (name: string, pictures: ComparedPair) => boolean;
  readonly signal?: AbortSignal;
}

/** A picture and its truth, as they are measured. */
export type ComparedPair = Awaited<ReturnType<SourcePicture['read']>>;

/** @throws {Error} if none can be measured */
export async function measurePictures(
  sources: readonly SourcePicture[],
  { metrics, fidReference, journal, onPicture, onFailed, onResized, keep, signal }: MeasureSettings,
): Promise<ScoredSet> {
  const pictures: ScoredPicture[] = [];
  const [own, truths] = [new FeatureGatherer(), new FeatureGatherer()];
  const names = [...metrics.measures.keys()];
  const failures = new Failures({ onFailed, signal });
  let wanted = keep !== undefined;
  for (const [done, { name, key, read }] of sources.entries()) {
    signal?.throwIfAborted();
    onPicture?.(done, sources.length, name);
    const kept = await journal?.find(key);
    let compared: ComparedPair | undefined;
    const once = async (): Promise<ComparedPair> => (compared ??= await read());
    const measured = kept ?? (await failures.unless(name, () => measureOne(name, once, metrics)));
    if (!measured) continue;
    if (compared?.truthSize) onResized?.(compared);
    if (wanted) wanted = keep!(name, await once());
    if (!kept) await journal?.add(key, measured);
    pictures.push({ name, scores: measured.scores });
    if (measured.features) own.add(measured.features.own);
    if (measured.features?.truth) truths.add(measured.features.truth);
  }
  failures.requireSome(pictures.length);
  // Of thousands of pictures this takes a while.
  if (own.count > 0) onPicture?.(sources.length - 1, sources.length, 'the Fréchet distance');
  const distances = new Map<MetricName, number>();
  if (own.count >= 2 && names.includes('fid') && fidReference)
    distances.set('fid', frechetDistance(own.statistics(), fidReference));
  if (truths.count >= 2 && names.includes('fid-truth'))
    distances.set('fid-truth', frechetDistance(own.statistics(), truths.statistics()));
  return summarizeScores(pictures, names, distances);
}

async function measureOne(
  name: string,
  read: SourcePicture['read'],
  { measures }: LoadedMetrics,
): Promise<MeasuredPicture> {
  try {
    const { picture, truth } = await read();
    const scores: Partial<Record<MetricName, number>> = {};
    let features: PictureFeatures | undefined;
    // Metrics of one network share its run.
    const byMeasure = new Map<unknown, number | Float32Array>();
    for (const [metric, measure] of measures) {
      if (metricInfo(metric).needsTruth && !truth) continue;
      const known = byMeasure.get(measure);
      const result = known ?? (await measure.measure(picture, truth));
      byMeasure.set(measure, result);
      if (typeof result === 'number') scores[metric] = result;
      else if (metric === 'fid-truth' && truth) {
        const other = await measure.measure(truth, undefined);
        features = { own: result, truth: other as Float32Array };
      } else features ??= { own: result };
    }
    return { scores, ...(features && { features }) };
  } catch (cause) {
    throw new Error(`Cannot measure ${name}: ${(cause as Error).message}`, { cause });
  }
}
