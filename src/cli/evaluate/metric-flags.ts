/** The flags of `evaluate --metrics`, and what they ask for. */
import {
  type MetricName,
  type MetricWeight,
  metricNames,
  metricWeightNames,
} from '../../metrics/metric-table.ts';
import { downloadFolder } from '../../platform/node/download/released-files.ts';
import { textFlag } from '../terminal/flag-types.ts';
import { UsageError } from '../terminal/usage-error.ts';

export const metricDetails = `--metrics takes names from ${metricNames.join(', ')}.
Each is computed as its public code does (docs/evaluation.md). Metrics whose weights are not there are left out, and
what they need is said. Means come with 95 % intervals by bootstrap; FID has none.`;

export const metricFlags = {
  metrics: {
    type: textFlag('--metrics', 'names, with commas between them'),
    placeholder: '<names>',
    description: 'Measure these, as papers do: psnr,ssim,lpips,fid,musiq,ids,…; see below',
  },
  weights: {
    type: [textFlag('--weights', 'a folder, or a name and a file')],
    placeholder: '<folder or name=file>',
    description: `Where the metrics' weights are: a folder (${downloadFolder} unless given), or single files: ${metricWeightNames.join(', ')}`,
  },
  fidReference: {
    type: textFlag('--fid-reference', 'a file or a folder'),
    placeholder: '<file or folder>',
    description:
      "What fid is taken to: statistics (mean and cov) or pictures; FFHQ's file among the weights unless given",
  },
  markdown: {
    type: textFlag('--markdown', 'a file'),
    placeholder: '<file>',
    description: 'Write the table of --metrics in Markdown',
  },
  csv: {
    type: textFlag('--csv', 'a file'),
    placeholder: '<file>',
    description: "Write every picture's scores of --metrics as CSV",
  },
  journal: {
    type: textFlag('--journal', 'a file'),
    placeholder: '<file>',
    description: 'Keep the scores of --metrics picture by picture in this file, and go on from what it holds',
  },
} as const;

/** Names with commas between them. @throws {UsageError} for one that there is not */
export function parseMetrics(text: string): MetricName[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names)
    if (!(metricNames as readonly string[]).includes(name))
      throw new UsageError(`There is no metric ${JSON.stringify(name)}; there are ${metricNames.join(', ')}`);
  return [...new Set(names)] as MetricName[];
}

export interface WeightPlaces {
  readonly folders: readonly string[];
  readonly files: ReadonlyMap<MetricWeight, string>;
}

/** @throws {UsageError} for a name that there is not */
export function parseWeights(places: readonly string[]): WeightPlaces {
  const folders: string[] = [];
  const files = new Map<MetricWeight, string>();
  for (const place of places) {
    const [, name, file] = /^([a-z0-9-]+)=(.+)$/.exec(place) ?? [];
    if (name === undefined || file === undefined) folders.push(place);
    else if ((metricWeightNames as readonly string[]).includes(name)) files.set(name as MetricWeight, file);
    else
      throw new UsageError(
        `There are no weights ${JSON.stringify(name)}; there are ${metricWeightNames.join(', ')}`,
      );
  }
  return { folders: folders.length > 0 ? folders : [downloadFolder], files };
}

/** The flags' values. */
export interface MetricFlagValues {
  readonly metrics?: string;
  readonly weights?: readonly string[];
  readonly fidReference?: string;
  readonly markdown?: string;
  readonly csv?: string;
  readonly journal?: string;
}

/** @throws {UsageError} if a flag was given that only --metrics has a use for */
export function rejectMetricFlags({
  weights = [],
  fidReference,
  markdown,
  csv,
  journal,
}: MetricFlagValues): void {
  const used = {
    '--weights': weights[0],
    '--fid-reference': fidReference,
    '--markdown': markdown,
    '--csv': csv,
    '--journal': journal,
  };
  for (const [flag, value] of Object.entries(used))
    if (value !== undefined) throw new UsageError(`${flag} goes with --metrics: name what is to be measured`);
}
