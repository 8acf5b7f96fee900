/** Runs `reproduce`: finds sets and results, restores what is to be restored, measures, writes the table. */
import path from 'node:path';
import { type Protocol, type ProtocolRow, type ProtocolSet, sameName } from '../../measure/protocol.ts';
import { compareTable, type MeasuredRow, type MeasuredSet } from '../../measure/table-comparison.ts';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { sha256 } from '../../platform/node/files/batch-journal.ts';
import { makeFolder } from '../../platform/node/files/make-folder.ts';
import {
  type FoundResults,
  type FoundSet,
  findResults,
  findSets,
  listProtocols,
  readProtocol,
} from '../../platform/node/measure/protocol-files.ts';
import type { EvaluateEnvironment } from '../evaluate/run-evaluate.ts';
import { type MetricChoice, type MetricSession, withMetrics } from '../evaluate/with-metrics.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { type ModelRequest, RestoredRows } from './restored-rows.ts';
import { csvTable, formatTable, markdownTable, type TableReport } from './table-report.ts';

export interface ReproduceRequest extends ModelRequest {
  /** Name of a table that comes along, or a file. */
  readonly table: string;
  readonly data: string;
  /** Folders of sets that were named. */
  readonly sets: ReadonlyMap<string, string>;
  readonly rivals?: string;
  readonly rows?: readonly string[];
  /** Another restorer, whose row is restored instead of InterLCM's. */
  readonly restorer?: string;
  readonly choice: Omit<MetricChoice, 'metrics'>;
  readonly json: boolean;
}

/**
 * @returns whether all that is there was measured
 * @throws {UsageError} for names that there are not, Error if no set is there or nothing can be measured
 */
export async function runReproduce(
  request: ReproduceRequest,
  environment: EvaluateEnvironment,
): Promise<boolean> {
  const { data, rivals, output } = request;
  const protocol = await openProtocol(request);
  const { found, missing } = await findSets(protocol, data, request.sets);
  if (found.length === 0) throw new Error(`Cannot reproduce ${request.table}: ${wanted(missing, data)}`);
  const results = rivals === undefined ? [] : await findResults(protocol, rivals);
  const metrics = [...new Set(found.flatMap(({ set }) => set.metrics))];
  const restored = new RestoredRows(request, environment);
  const journals = path.join(output, 'journals');
  await makeFolder(journals);
  // What a journal's scores depend on is in its name: weights that come later begin another.
  const journalOf = (name: string, settings: string): string =>
    path.join(journals, `${name.replaceAll(/[^\w.-]+/g, '-')}.${sha256(settings).slice(0, 12)}.jsonl`);
  const referenceJournal = (settings: string): string => journalOf('fid-reference', settings);
  try {
    const report = await withMetrics(
      { ...request.choice, metrics, referenceJournal },
      environment,
      async (session) => {
        const say = (line: string): void => session.progress.line(line);
        if (missing.length > 0) say(wanted(missing, data));
        const measured: MeasuredSet[] = [];
        const problems: string[] = [];
        for (const one of found) {
          if (session.measurable(one.set.metrics).length === 0) {
            say(`${one.set.label} is left out: none of ${one.set.metrics.join(', ')} can be measured`);
            continue;
          }
          if (!one.truth && one.set.metrics.includes('psnr'))
            say(
              `${one.set.label}: no folder hq beside ${one.lq}, so what compares with the truth is left out`,
            );
          const rows: MeasuredRow[] = [];
          for (const row of rowsOf(protocol, one, results, request))
            try {
              const { failed, ...measuredRow } = await measureRow(row, one, { session, restored, journalOf });
              rows.push(measuredRow);
              if (failed > 0)
                problems.push(
                  `${one.set.label}, ${row.label}: ${failed} ${failed === 1 ? 'picture' : 'pictures'}`,
                );
            } catch (error) {
              environment.signal.throwIfAborted();
              problems.push(`${one.set.label}, ${row.label}: ${(error as Error).message}`);
              say(problems.at(-1)!);
            }
          measured.push({ set: one.set, standIn: one.standIn !== undefined, rows });
        }
        if (measured.every(({ rows }) => rows.length === 0))
          throw new Error(
            `Cannot reproduce ${request.table}: ${problems[0] ?? 'none of its rows can be measured'}`,
          );
        return {
          table: path.basename(request.table, '.json'),
          protocol,
          sets: compareTable(protocol, measured),
          missing: protocol.sets
            .filter((set) => !measured.some((one) => one.set === set))
            .map(({ label }) => label),
          problems,
          weights: session.used,
          fidReference: request.choice.fidReference,
          restoredBy: restored.description,
        } satisfies TableReport;
      },
    );
    await writeReport(report, request, environment);
    return report.problems.length === 0;
  } finally {
    await restored.release();
  }
}

async function openProtocol({ table, rows, sets }: ReproduceRequest): Promise<Protocol> {
  const known = await listProtocols();
  if (!table.endsWith('.json') && !known.includes(table))
    throw new UsageError(`There is no table ${table}; there are ${known.join(', ')}, or a .json file`);
  const protocol = await readProtocol(table);
  const names = protocol.sets.map(({ name }) => name);
  for (const name of sets.keys())
    if (!names.includes(name)) throw new UsageError(`--set ${name}: there are ${names.join(', ')}`);
  if (rows?.some((name) => name === '')) throw new UsageError('--rows takes names with commas between them');
  return protocol;
}

function wanted(missing: readonly ProtocolSet[], data: string): string {
  const sets = missing.map(({ label, folders }) => `${label} (${folders.join(', or ')})`);
  return `not in ${data}: ${sets.join('; ')}`;
}

interface RowToMeasure extends Pick<ProtocolRow, 'name' | 'label' | 'measures' | 'startStep'> {
  /** Results that are there; absent where they are to be made. */
  readonly folder?: string;
}

/** What can be measured of a table on a set: quick rows first. */
function rowsOf(
  protocol: Protocol,
  { set }: FoundSet,
  results: readonly FoundResults[],
  { rows: chosen, restorer }: Pick<ReproduceRequest, 'rows' | 'restorer'>,
): RowToMeasure[] {
  const folders = results.flatMap(({ method, folders: bySet }) => {
    const folder = bySet.get(set);
    return folder === undefined ? [] : [{ method, folder }];
  });
  const rows = restorer === undefined ? protocol.rows : withRestorer(protocol.rows, restorer);
  const own = rows.map((row) => ({
    ...row,
    folder: folders.find(({ method }) => isOf(row, method))?.folder,
  }));
  const others = folders
    .filter(({ method }) => !rows.some((row) => isOf(row, method)))
    .map(({ method, folder }) => ({ name: method, label: method, folder }));
  const all: RowToMeasure[] = [...own, ...others];
  const made = (row: RowToMeasure): number =>
    row.folder === undefined && row.measures === 'restored' ? 1 : 0;
  return all
    .filter((row) => row.folder !== undefined || row.measures !== undefined)
    .filter((row) => !chosen || chosen.some((one) => isOf(row, one)))
    .sort((a, b) => made(a) - made(b));
}

function isOf({ name, label }: Pick<ProtocolRow, 'name' | 'label'>, method: string): boolean {
  return sameName(name, method) || sameName(label, method);
}

/** The rows where another restorer restores its own row, and nothing else. */
function withRestorer(rows: readonly ProtocolRow[], restorer: string): ProtocolRow[] {
  const others = rows.map((row) => (row.measures === 'restored' ? { ...row, measures: undefined } : row));
  if (!rows.some((row) => isOf(row, restorer)))
    return [...others, { name: restorer, label: restorer, measures: 'restored', values: {} }];
  return others.map((row) => (isOf(row, restorer) ? { ...row, measures: 'restored' } : row));
}

interface RowTools {
  readonly session: MetricSession;
  readonly restored: RestoredRows;
  /** Names a row's journal. */
  readonly journalOf: (name: string, settings: string) => string;
}

async function measureRow(
  row: RowToMeasure,
  { set, lq, truth }: FoundSet,
  { session, restored, journalOf }: RowTools,
): Promise<MeasuredRow & { readonly failed: number }> {
  const what = `${set.label}, ${row.label}`;
  const made =
    row.folder === undefined && row.measures === 'restored'
      ? await restored.make(row, { set: set.name, pictures: lq }, session, what)
      : undefined;
  const pictures = made?.folder ?? row.folder ?? lq;
  const journal = (settings: string): string => journalOf(`${row.name}.${set.name}`, settings);
  const folders = { pictures, truth, size: 'truth' as const, only: made?.names };
  const { set: scores, failed } = await session.measure(what, folders, { metrics: set.metrics, journal });
  return {
    name: row.name,
    label: row.label,
    scores,
    ...(made?.seconds && { seconds: made.seconds }),
    failed: failed.length + (made?.failed ?? 0),
  };
}

async function writeReport(
  report: TableReport,
  { output, json }: ReproduceRequest,
  { stdout, stderr }: EvaluateEnvironment,
): Promise<void> {
  const { protocol, ...rest } = report;
  const document = `${JSON.stringify({ ...rest, title: protocol.title, source: protocol.source }, null, 2)}\n`;
  const place = path.join(output, report.table);
  await writeFileAtomically(`${place}.json`, document);
  await writeFileAtomically(`${place}.md`, markdownTable(report));
  await writeFileAtomically(`${place}.csv`, csvTable(report));
  stdout.write(json ? document : formatTable(report));
  stderr.write(`Written: ${place}.md, .json, .csv\n`);
}
