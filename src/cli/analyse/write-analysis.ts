/** The files of an analysis: a chart, its numbers, and everything as JSON. */
import path from 'node:path';
import type { Spec } from 'vega';
import { failureOf } from '../../failure/failure.ts';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { makeFolder } from '../../platform/node/files/make-folder.ts';
import { renderChart } from '../../platform/node/picture/render-chart.ts';
import { csvLine } from '../terminal/table.ts';
import type { AnalyseEnvironment } from './open-sources.ts';

export interface AnalysisFiles {
  /** Of the files, without an ending. */
  readonly name: string;
  readonly chart: Spec;
  /** The header first. */
  readonly rows: readonly (readonly (string | number)[])[];
  readonly report: unknown;
  /** What is shown on a terminal. */
  readonly table: string;
}

/** Without the library that draws, the rest is written, and that is said. */
export async function writeAnalysis(
  { name, chart, rows, report, table }: AnalysisFiles,
  { output, json = false }: { readonly output: string; readonly json?: boolean | undefined },
  { stdout }: Pick<AnalyseEnvironment, 'stdout'>,
  say: (line: string) => void,
): Promise<void> {
  await makeFolder(output);
  const place = (ending: string): string => path.join(output, `${name}.${ending}`);
  const text = `${JSON.stringify(report, null, 2)}\n`;
  await writeFileAtomically(place('csv'), rows.map(csvLine).join(''));
  await writeFileAtomically(place('json'), text);
  try {
    const { svg, png } = await renderChart(chart);
    await writeFileAtomically(place('svg'), svg);
    await writeFileAtomically(place('png'), png);
    say(`${place('png')}, and .svg, .csv, .json beside it`);
  } catch (error) {
    if (failureOf(error)?.code !== 'no-chart-library') throw error;
    say((error as Error).message);
    say(`${place('csv')}, and .json beside it`);
  }
  stdout.write(json ? text : table);
}
