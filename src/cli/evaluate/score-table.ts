/** Scores of sets of pictures as tables: for the terminal, in Markdown, as CSV. */
import { type MetricName, metricHeading, metricInfo } from '../../metrics/metric-table.ts';
import type { ScoredSet } from '../../metrics/scored-set.ts';
import { alignCells, csvLine, formatInterval, markdownRows } from '../terminal/table.ts';

/** A row of a table: whose pictures, and what was measured of them. */
export interface ScoredRow {
  readonly label: string;
  readonly set: ScoredSet;
}

/** Cells: a row a set, a column a metric, `mean [low, high]`. */
function cellsOf(rows: readonly ScoredRow[]): string[][] {
  const metrics = metricsOf(rows);
  const header = ['', 'pictures', ...metrics.map(metricHeading)];
  return [
    header,
    ...rows.map(({ label, set }) => [
      label,
      `${set.pictures.length}`,
      ...metrics.map((name) => formatScore(set, name)),
    ]),
  ];
}

function metricsOf(rows: readonly ScoredRow[]): MetricName[] {
  return [...new Set(rows.flatMap(({ set }) => Object.keys(set.metrics) as MetricName[]))];
}

function formatScore(set: ScoredSet, name: MetricName): string {
  const score = set.metrics[name];
  if (!score) return '-';
  const { digits } = metricInfo(name);
  const { mean, low, high } = score;
  if (low === undefined || high === undefined) return mean.toFixed(digits);
  return formatInterval(mean, low, high, digits);
}

export function formatScores(rows: readonly ScoredRow[]): string {
  return alignCells(cellsOf(rows));
}

export function markdownScores(rows: readonly ScoredRow[]): string {
  return markdownRows(cellsOf(rows));
}

/** Every picture's scores, a line each. */
export function csvScores(rows: readonly ScoredRow[]): string {
  const metrics = metricsOf(rows);
  const lines = rows.flatMap(({ label, set }) =>
    set.pictures.map(({ name, scores }) =>
      csvLine([label, name, ...metrics.map((metric) => scores[metric] ?? '')]),
    ),
  );
  return [csvLine(['set', 'picture', ...metrics]), ...lines].join('');
}
