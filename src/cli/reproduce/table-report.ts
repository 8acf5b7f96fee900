/** A reproduced table for the terminal, in Markdown and as CSV. */
import type { Protocol } from '../../measure/protocol.ts';
import { type ComparedCell, type ComparedSet, paperDigits } from '../../measure/table-comparison.ts';
import { metricHeading, metricInfo } from '../../metrics/metric-table.ts';
import type { UsedWeights } from '../../platform/node/model/metric-weights.ts';
import { alignCells, csvLine, markdownRows } from '../terminal/table.ts';

export interface TableReport {
  /** its name */
  readonly table: string;
  readonly protocol: Protocol;
  readonly sets: readonly ComparedSet[];
  /** Sets that are not there, or of which nothing can be measured. */
  readonly missing: readonly string[];
  /** What could not be measured, and why. */
  readonly problems: readonly string[];
  readonly weights: readonly UsedWeights[];
  readonly fidReference?: string;
  /** What the own rows were restored with. */
  readonly restoredBy?: string;
}

const outside = '*';
const legend = [
  'Rows marked "here" were measured by this program; in parentheses, by how much they differ from the paper.',
  `${outside} the paper's number lies outside the 95 % interval of the measured mean, or over 2 % from a measured distance (FID).`,
];
const standInLegend = 'Pictures that stand in for a set are others than the paper’s: no difference is taken.';

export function formatTable(report: TableReport): string {
  const { protocol, sets } = report;
  const blocks = sets.map((set) => `${headingOf(set)}\n${alignCells(cellsOf(protocol, set))}`);
  return `${[`${protocol.title}\n${protocol.source}\n`, ...blocks, `${remarksOf(report).join('\n')}\n`].join('\n')}`;
}

export function markdownTable(report: TableReport): string {
  const { protocol, sets, weights, fidReference } = report;
  const blocks = sets.map((set) => `## ${headingOf(set)}\n\n${markdownRows(cellsOf(protocol, set))}`);
  const made = [
    ...remarksOf(report),
    ...(fidReference === undefined ? [] : [`FID is taken to ${fidReference}.`]),
    ...weights.map(({ file, bytes, sha256 }) => `Weights: ${file}, ${bytes} bytes, SHA-256 ${sha256}.`),
  ];
  const lines = made.map((line) => `- ${line.replaceAll(/^\*/g, '\\*')}\n`).join('');
  return `# ${protocol.title}\n\n${protocol.source}\n\n${blocks.join('\n')}\n${lines}`;
}

/** A line a number: the paper's, and the one that was measured. */
export function csvTable({ table, sets }: TableReport): string {
  const header = [
    'table',
    'set',
    'row',
    'source',
    'metric',
    'value',
    'low',
    'high',
    'pictures',
    'difference',
    'agrees',
  ];
  const lines = sets.flatMap(({ set, rows }) =>
    rows.flatMap(({ name, cells }) =>
      cells.flatMap(({ metric, paper, here, difference, agrees }) => [
        ...(paper === undefined ? [] : [[table, set.name, name, 'paper', metric, paper, '', '', '', '', '']]),
        ...(here
          ? [
              [
                table,
                set.name,
                name,
                'here',
                metric,
                here.mean,
                here.low ?? '',
                here.high ?? '',
                here.count,
                difference ?? '',
                agrees ?? '',
              ],
            ]
          : []),
      ]),
    ),
  );
  return [header, ...lines].map(csvLine).join('');
}

function headingOf({ set, standIn, rows }: ComparedSet): string {
  const counts = [...new Set(rows.flatMap(({ pictures }) => pictures ?? []))];
  const pictures = `${counts.join(' or ')} picture${counts.length === 1 && counts[0] === 1 ? '' : 's'}`;
  if (standIn)
    return `${set.label}: ${pictures} that ${pictures === '1 picture' ? 'stands' : 'stand'} in for it`;
  const all = set.pictures === undefined || counts.every((count) => count === set.pictures);
  return `${set.label}: ${pictures}${all ? '' : `; the set has ${set.pictures}`}`;
}

function cellsOf(protocol: Protocol, { set, rows }: ComparedSet): string[][] {
  const digits = set.metrics.map((_, i) => paperDigits(protocol, set, i));
  const timed = rows.some(({ seconds }) => seconds !== undefined);
  const header = set.metrics.map(metricHeading);
  return [
    ['', ...header, ...(timed ? ['seconds'] : [])],
    ...rows.flatMap((row) => {
      const hasPaper = row.cells.some(({ paper }) => paper !== undefined);
      const paper = row.cells.map((cell, i) => cell.paper?.toFixed(digits[i]) ?? '-');
      const lines: string[][] = [];
      if (hasPaper)
        lines.push([row.label, ...paper, ...(timed ? [row.paperSeconds?.toFixed(3) ?? '-'] : [])]);
      if (row.cells.some(({ here }) => here))
        lines.push([
          hasPaper ? `${row.label}, here` : row.label,
          ...row.cells.map(formatHere),
          ...(timed ? [row.seconds?.toFixed(3) ?? '-'] : []),
        ]);
      return lines;
    }),
  ];
}

function formatHere({ metric, here, difference, agrees }: ComparedCell): string {
  if (!here) return '-';
  const { digits } = metricInfo(metric);
  const value = here.mean.toFixed(digits);
  if (difference === undefined) return value;
  const sign = difference < 0 ? '-' : '+';
  return `${value} (${sign}${Math.abs(difference).toFixed(digits)})${agrees ? '' : outside}`;
}

function remarksOf({ protocol, sets, missing, problems, restoredBy }: TableReport): string[] {
  const compared = sets.some(({ standIn }) => !standIn);
  return [
    ...(compared ? legend : []),
    ...(sets.some(({ standIn }) => standIn) ? [standInLegend] : []),
    ...(restoredBy === undefined ? [] : [`Restored by ${restoredBy}.`]),
    ...(missing.length > 0 ? [`Left out, for want of pictures or weights: ${missing.join(', ')}.`] : []),
    ...problems.map((problem) => `Not measured: ${problem}`),
    ...protocol.notes,
  ];
}
