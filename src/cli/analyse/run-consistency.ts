import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { analyseConsistency, type StepMean } from '../../platform/node/measure/analyse-consistency.ts';
import { loadPairMeasures, type PairMeasure } from '../../platform/node/measure/pair-measures.ts';
import {
  type SeriesSet,
  seriesInFolder,
  seriesOfGenerations,
  seriesOfRestorations,
} from '../../platform/node/measure/state-series.ts';
import { defaultSampling } from '../../restore/default-sampling.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { alignCells, formatInterval } from '../terminal/table.ts';
import { textCondition } from '../terminal/text-condition.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { AnalyseFlags } from './analyse-flags.ts';
import { consistencyChart } from './consistency-chart.ts';
import { type AnalyseEnvironment, openGeneratorOf, openRestorerOf, weightFoldersOf } from './open-sources.ts';
import { type AnalysisSession, withAnalysis } from './with-analysis.ts';
import { writeAnalysis } from './write-analysis.ts';

const usualCount = 64;

/** Measures, and writes chart and tables. @throws {UsageError} if there are no states to measure */
export async function runConsistency(
  folders: readonly string[],
  flags: AnalyseFlags,
  environment: AnalyseEnvironment,
): Promise<void> {
  const { signal } = environment;
  await withAnalysis(environment, async ({ say, onPicture, opened }) => {
    const sets = await openSets(folders, flags, environment, say, opened);
    const runtime = await createNodeRuntime({ device: flags.device, threads: flags.threads });
    const { identity = 'auto', histogram = 'rgb3d8', distance = 'hellinger' } = flags;
    const settings = { identity, histogram, distance, weightFolders: weightFoldersOf(flags) };
    const measures = await untilAborted(loadPairMeasures(settings, runtime, say), signal);
    opened.push(...measures);
    const analysis = await untilAborted(
      analyseConsistency(sets, measures, {
        against: flags.against,
        signal,
        onPicture,
      }),
      signal,
    );
    const described = measures.map(({ name, label }) => ({ name, label }));
    await writeAnalysis(
      {
        name: 'consistency',
        chart: consistencyChart(analysis.means, described, flags.against),
        rows: [
          ['states', 'picture', 'step', 'measure', 'value'],
          ...analysis.scores.map(({ set, picture, step, measure, value }) => [
            set,
            picture,
            step,
            measure,
            value,
          ]),
        ],
        report: { against: flags.against, measures: described, ...analysis },
        table: tableOf(analysis.means, measures),
      },
      flags,
      environment,
      say,
    );
  });
}

async function openSets(
  folders: readonly string[],
  flags: AnalyseFlags,
  environment: AnalyseEnvironment,
  say: (line: string) => void,
  opened: AnalysisSession['opened'],
): Promise<SeriesSet[]> {
  const { lq, seed, steps, startStep = defaultSampling.startStep, model = 'lcm', count = usualCount } = flags;
  const { signal } = environment;
  const condition = textCondition(flags);
  if (folders.length === 0 && lq === undefined && condition === undefined)
    throw new UsageError('analyse consistency needs folders of states, --lq, or --text; see analyse --help');
  if (lq !== undefined && startStep >= steps)
    throw new UsageError(
      `--start-step ${startStep} leaves one state of ${steps} --steps; two are the fewest`,
    );
  const sets: SeriesSet[] = [];
  for (const place of folders) {
    const [, label = place, folder = place] = /^([^=/\\]+)=(.+)$/.exec(place) ?? [];
    sets.push(await seriesInFolder(label, folder));
  }
  if (lq !== undefined) {
    const restorer = await openRestorerOf(flags, environment, say);
    opened.push(restorer);
    sets.push(await seriesOfRestorations('restoration', lq, restorer, { seed, steps, startStep, signal }));
  }
  if (condition) {
    const { generator, context } = await openGeneratorOf(condition, flags, environment, say);
    opened.push(generator);
    const kind = model === 'lcm' ? 'clean' : 'noisy';
    sets.push(
      seriesOfGenerations(`${model}, ${kind}`, generator, context, { seed, steps, kind, count, signal }),
    );
  }
  return sets;
}

/** A row a set and step, a column a measure. */
function tableOf(means: readonly StepMean[], measures: readonly PairMeasure[]): string {
  const places = new Map(means.map(({ set, step, count }) => [`${set}\n${step}`, { set, step, count }]));
  const rows = [...places.values()].map(({ set, step, count }) => [
    set,
    `${step}`,
    `${count}`,
    ...measures.map(({ name, digits }) => {
      const { mean, low, high } = means.find(
        (each) => each.set === set && each.step === step && each.measure === name,
      )!;
      return formatInterval(mean, low, high, digits);
    }),
  ]);
  return alignCells([['states', 'step', 'pictures', ...measures.map(({ label }) => label)], ...rows]);
}
