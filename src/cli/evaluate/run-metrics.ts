/** `evaluate --metrics`: measures folders by named metrics, and writes the tables. */

import type { Pixels } from '../../image/pixels.ts';
import { requireFilePlace, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import type { LoadedMetrics } from '../../platform/node/measure/load-measures.ts';
import type { ComparedPair } from '../../platform/node/measure/measure-pictures.ts';
import type { SourceFolders } from '../../platform/node/measure/source-pictures.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import { largestSheetPixels, layOutFaces } from './face-sheet.ts';
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
  /** PNG of all sets' pictures side by side, the truth last. */
  readonly sheet?: string;
}

/** Measures, and writes what was asked for. @returns the exit code: 0, or 1 if some pictures could not be measured */
export async function runMetrics(request: MetricsRequest, environment: EvaluateEnvironment): Promise<number> {
  for (const file of [request.markdown, request.csv, request.sheet]) await requireFilePlace(file);
  const faces = new Map<string, Pixels[]>();
  const { rows, used } = await measureSets(request, environment, faces);
  if (!request.json) environment.stdout.write(formatScores(rows));
  const report = {
    sets: rows.map(({ label, set, failed }) => ({ label, count: set.pictures.length, ...set, failed })),
    weights: used,
    fidReference: request.fidReference,
  };
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (request.json) environment.stdout.write(json);
  if (request.markdown !== undefined) await writeFileAtomically(request.markdown, markdownScores(rows));
  if (request.sheet !== undefined) await writeSheet(request.sheet, faces, environment);
  if (request.csv !== undefined) await writeFileAtomically(request.csv, csvScores(rows));
  return rows.some(({ failed }) => failed.length > 0) ? 1 : 0;
}

async function writeSheet(
  file: string,
  faces: ReadonlyMap<string, readonly Pixels[]>,
  { stderr }: EvaluateEnvironment,
): Promise<void> {
  const most = Math.max(...[...faces.values()].map((pictures) => pictures.length));
  // Of faces that failed in one of the sets there are fewer pictures.
  const whole = [...faces.values()].filter((pictures) => pictures.length === most);
  stderr.write(`The contact sheet shows ${whole.length} ${whole.length === 1 ? 'face' : 'faces'}\n`);
  await writeFileAtomically(file, await encodeImage(layOutFaces(whole), 'png'));
}

/** A set of pictures, measured. */
export interface MeasuredRow extends ScoredRow {
  readonly failed: readonly FailedPicture[];
}

/** @throws {Error} if nothing of what was asked for can be measured */
async function measureSets(
  request: Omit<MetricsRequest, 'json' | 'markdown' | 'csv'>,
  environment: EvaluateEnvironment,
  faces: Map<string, Pixels[]>,
): Promise<{ rows: MeasuredRow[]; used: LoadedMetrics['used'] }> {
  const { journal } = request;
  const referenceJournal = journal && `${journal}.fid-reference`;
  return withMetrics({ ...request, referenceJournal }, environment, async ({ measure, used }) => {
    const rows: MeasuredRow[] = [];
    let pixels = 0;
    for (const [i, { label, ...folders }] of request.sets.entries()) {
      const last = i === request.sets.length - 1;
      // The first set says which faces there is room for, with what the others add.
      const keep = (name: string, { picture, truth }: ComparedPair): boolean => {
        const own = faces.get(name) ?? [];
        const { width, height } = truth?.pixels ?? picture.pixels;
        if (i === 0) pixels += width * height * (request.sets.length + (truth ? 1 : 0));
        if (i === 0 && pixels > largestSheetPixels && faces.size > 0) return false;
        if (i === 0 || own.length > 0)
          faces.set(name, [...own, picture.pixels, ...(last && truth ? [truth.pixels] : [])]);
        return true;
      };
      const journal = request.journal && journalOf(request.journal, label, request.sets.length);
      rows.push({
        label,
        ...(await measure(label, folders, { journal, ...(request.sheet !== undefined && { keep }) })),
      });
    }
    return { rows, used };
  });
}

/** Several sets have a journal each. */
function journalOf(file: string, label: string, count: number): string {
  return count === 1 ? file : `${file}.${label.replaceAll(/[^\w-]+/g, '-')}`;
}
