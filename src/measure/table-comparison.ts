/** A paper's table beside what was measured here. */
import type { MetricName } from '../metrics/metric-table.ts';
import type { ScoredSet, SetScore } from '../metrics/scored-set.ts';
import type { Protocol, ProtocolSet } from './protocol.ts';

/** What was measured of one method on one set. */
export interface MeasuredRow {
  /** of a row of the protocol, or of a method that it does not have */
  readonly name: string;
  readonly label: string;
  readonly scores: ScoredSet;
  /** median time to restore a picture of it */
  readonly seconds?: number;
}

/** A set that is there, and what was measured on it. */
export interface MeasuredSet {
  readonly set: ProtocolSet;
  /** Other pictures than the paper's: numbers are not compared with its own. */
  readonly standIn: boolean;
  readonly rows: readonly MeasuredRow[];
}

export interface ComparedCell {
  readonly metric: MetricName;
  readonly paper?: number;
  readonly here?: SetScore;
  /** here less paper */
  readonly difference?: number;
  /** whether the paper's number is what could have been measured here, by `agrees` */
  readonly agrees?: boolean;
}

export interface ComparedRow {
  readonly name: string;
  readonly label: string;
  readonly cells: readonly ComparedCell[];
  /** pictures measured here */
  readonly pictures?: number;
  readonly paperSeconds?: number;
  readonly seconds?: number;
}

export interface ComparedSet {
  readonly set: ProtocolSet;
  readonly standIn: boolean;
  readonly rows: readonly ComparedRow[];
}

/** Distances of sets have no interval: so much of one, either way, is taken for the same. */
export const distanceTolerance = 0.02;

/** The paper's rows in its order, each with what was measured of it; methods of others after them. */
export function compareTable(protocol: Protocol, measured: readonly MeasuredSet[]): ComparedSet[] {
  return measured.map(({ set, standIn, rows }) => {
    const known = new Set(protocol.rows.map(({ name }) => name));
    const paper = protocol.rows.map(({ name, label, values, seconds }) => ({
      name,
      label,
      values: values[set.name],
      seconds,
    }));
    const others = rows.filter(({ name }) => !known.has(name));
    const all = [...paper, ...others.map(({ name, label }) => ({ name, label, values: undefined }))];
    return {
      set,
      standIn,
      rows: all.map(({ name, label, values, ...row }): ComparedRow => {
        const own = rows.find((one) => one.name === name);
        const seconds = 'seconds' in row ? row.seconds : undefined;
        return {
          name,
          label,
          cells: set.metrics.map((metric, i) =>
            compareCell(metric, values?.[i] ?? undefined, own?.scores.metrics[metric], {
              comparable: !standIn,
              digits: paperDigits(protocol, set, i),
            }),
          ),
          ...(own && { pictures: own.scores.pictures.length }),
          ...(seconds !== undefined && { paperSeconds: seconds }),
          ...(own?.seconds !== undefined && { seconds: own.seconds }),
        };
      }),
    };
  });
}

function compareCell(
  metric: MetricName,
  paper: number | undefined,
  here: SetScore | undefined,
  { comparable, digits }: { comparable: boolean; digits: number },
): ComparedCell {
  const cell = { metric, ...(paper !== undefined && { paper }), ...(here && { here }) };
  if (paper === undefined || !here || !comparable) return cell;
  return { ...cell, difference: here.mean - paper, agrees: agrees(paper, here, digits) };
}

/**
 * Whether a reported number lies in the 95 % interval of a measured mean, or within 2 % of a measured distance, give
 * or take its rounding.
 */
function agrees(paper: number, { mean, low, high }: SetScore, digits: number): boolean {
  const rounding = 0.5 * 10 ** -digits;
  const slack = low === undefined ? distanceTolerance * Math.abs(mean) : 0;
  return paper >= (low ?? mean) - slack - rounding && paper <= (high ?? mean) + slack + rounding;
}

/** Digits after the point that the paper has for a column. */
export function paperDigits({ rows }: Protocol, set: ProtocolSet, column: number): number {
  const digits = rows.map(({ values }) => `${values[set.name]?.[column] ?? ''}`.split('.')[1]?.length ?? 0);
  return Math.max(0, ...digits);
}
