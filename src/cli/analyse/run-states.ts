import { tsneMap } from '../../metrics/tsne-map.ts';
import { downloadFolder } from '../../platform/node/download/released-files.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import {
  analyseStates,
  type DescribedSet,
  type StatesAnalysis,
} from '../../platform/node/measure/analyse-states.ts';
import { loadStateFeatures } from '../../platform/node/measure/state-features.ts';
import {
  type SampledStates,
  statesOfGenerator,
  statesOfRestorer,
} from '../../platform/node/measure/state-source.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import { readScheduler } from '../../platform/node/model/read-sampling.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { alignCells } from '../terminal/table.ts';
import { textCondition } from '../terminal/text-condition.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { AnalyseFlags } from './analyse-flags.ts';
import { type AnalyseEnvironment, openGeneratorOf, openRestorerOf, weightFoldersOf } from './open-sources.ts';
import { type MappedPoint, photoGroup, statesChart } from './states-chart.ts';
import { withAnalysis } from './with-analysis.ts';
import { writeAnalysis } from './write-analysis.ts';

const usualMost = 256;

/** Compares, and writes chart and tables. @throws {UsageError} if there are no pictures */
export async function runStates(flags: AnalyseFlags, environment: AnalyseEnvironment): Promise<void> {
  const { lq, seed, steps, features: wanted = 'auto', count: most = usualMost, perplexity } = flags;
  const { signal } = environment;
  if (lq === undefined) throw new UsageError('analyse states needs --lq and a folder of low-quality faces');
  if (flags.model === 'sd-turbo')
    throw new UsageError('analyse states is about a latent consistency model; SD Turbo is none');
  await withAnalysis(environment, async ({ say, onPicture, opened }) => {
    const condition = textCondition(flags);
    const checkpoint = flags.checkpoint ?? (condition ? downloadFolder : embeddedModel);
    const scheduler = await readScheduler(checkpoint);
    if (scheduler.prediction_type === 'refinement')
      throw new UsageError(
        `analyse states takes a model's states from pure noise, and the model in ${checkpoint} has none: it refines the latent of a photo. Name a latent consistency model by --checkpoint`,
      );
    const settings = { folder: lq, seed, steps, most, onPicture, signal };
    let samples: AsyncIterable<SampledStates>;
    if (condition) {
      const { generator, context } = await openGeneratorOf(condition, flags, environment, say);
      opened.push(generator);
      samples = statesOfGenerator(generator, context, settings);
    } else {
      const restorer = await openRestorerOf(flags, environment, say);
      opened.push(restorer);
      say("States are sampled from pure noise under each picture's own condition: no text is given");
      samples = statesOfRestorer(restorer, settings);
    }
    const runtime = await createNodeRuntime({ device: flags.device, threads: flags.threads });
    const features = await untilAborted(
      loadStateFeatures(wanted, weightFoldersOf(flags), runtime, say),
      signal,
    );
    opened.push(features);
    const analysis = await untilAborted(
      analyseStates(samples, features.describe, { scheduler, steps, seed }),
      signal,
    );
    say('Making the map');
    const points = mapOf(analysis, { perplexity, seed });
    await writeAnalysis(
      {
        name: 'states',
        chart: statesChart(points, features.name),
        rows: [
          ['panel', 'what', 'group', 'x', 'y'],
          ...points.map(({ panel, kind, group, x, y }) => [panel, kind, group, x, y]),
        ],
        report: {
          features: features.name,
          pictures: analysis.pictures,
          distances: analysis.distances,
          points,
        },
        table: tableOf(analysis, features.name),
      },
      flags,
      environment,
      say,
    );
  });
}

/** A map of the sets without noise, and one of those with it. */
function mapOf({ sets }: StatesAnalysis, options: { perplexity: number; seed: number }): MappedPoint[] {
  return (['clean', 'noised'] as const).flatMap((panel) => {
    const shown = sets.filter(({ timestep }) => (timestep === undefined) === (panel === 'clean'));
    const owners = shown.flatMap((set) => set.vectors.map(() => set));
    const map = tsneMap(
      shown.flatMap(({ vectors }) => vectors),
      options,
    );
    return owners.map((set, i) => ({
      panel,
      x: map[2 * i]!,
      y: map[2 * i + 1]!,
      kind: set.kind,
      group: groupOf(set),
    }));
  });
}

function groupOf({ kind, step, timestep }: DescribedSet): string {
  return kind === 'photo' && timestep === undefined ? photoGroup : `step ${step}`;
}

function tableOf({ pictures, distances }: StatesAnalysis, features: string): string {
  const rows = distances.map(({ step, timestep, clean, noised, cleanFloor, noisedFloor }) => [
    `step ${step}`,
    clean.toFixed(2),
    cleanFloor.toFixed(2),
    `${timestep}`,
    noised.toFixed(2),
    noisedFloor.toFixed(2),
  ]);
  return [
    `${pictures} low-quality pictures and as many series of states; Fréchet distances over ${features}\n`,
    alignCells([
      ['states after', 'to low quality', 'halves', 'next timestep', 'both noised to it', 'halves'],
      ...rows,
    ]),
  ].join('');
}
