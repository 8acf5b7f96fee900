/** `interlcm reproduce`: a paper's table, measured here, beside the paper's own numbers. */
import { command } from 'cleye';
import type { LoadRestorerOptions } from '../../platform/node/model/load-restorer.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import { metricFlags, parseWeights } from '../evaluate/metric-flags.ts';
import { integerFlag, rejectUnknownFlags, textFlag } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { encoderFlags, modelFlags } from '../terminal/model-flags.ts';
import { type ChosenRestorer, chooseRestorer, restorerFlags } from '../terminal/restorer-flags.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { ReproduceRequest } from './run-reproduce.ts';

const details = `Tables are table1, table2, table3 and table4 of the InterLCM paper, or the .json file of a table of
yours (protocols/ in this package has them: sets, metrics, rows). Every set is a folder in --data by
its name, in any spelling: celeba-test with lq and hq in it; lfw-test, webphoto-test and wider-test
with the pictures, or lq, in it; pictures show one aligned face each. Sets that are not there are
left out, and so are metrics whose weights are not there, with a word about it. Where no set is there
by its name, portraits/val and inputs/cropped_faces in --data stand in, to see how it goes: their
numbers are not compared with the paper's.

--rivals holds a folder a method, with a folder a set in each: rivals/gfpgan/celeba-test/*.png.
Methods that the paper has stand beside its row, others below. A folder by the name of a row that
would be restored takes its place.

--restorer fills the row of its name in InterLCM's place: reproduce table1 --restorer codeformer.

Restored pictures go to OUTPUT/restored, laid out like --rivals, scores to OUTPUT/journals: a run that
was stopped goes on. The table is written to OUTPUT as .md, .json and .csv.`;

const flags = {
  data: { type: textFlag('--data', 'a folder'), placeholder: '<folder>', description: 'Where the sets are' },
  set: {
    type: [textFlag('--set', 'a name and a folder')],
    placeholder: '<name=folder>',
    description: 'The folder of one set, wherever it is; may be repeated',
  },
  rivals: {
    type: textFlag('--rivals', 'a folder'),
    placeholder: '<folder>',
    description: 'Results of other methods: METHOD/SET/*.png',
  },
  rows: {
    type: textFlag('--rows', 'names, with commas between them'),
    placeholder: '<names>',
    description: 'Measure these rows only, such as input,interlcm; all that can be unless given',
  },
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: 'reproduced',
    placeholder: '<folder>',
    description: 'Folder for tables, restored pictures and what a stopped run goes on from',
  },
  weights: metricFlags.weights,
  fidReference: metricFlags.fidReference,
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    placeholder: '<folder>',
    description: 'Folder of the weights to restore with; the embedded model unless given',
  },
  ...encoderFlags,
  ...restorerFlags,
  steps: {
    type: integerFlag('--steps', 1, 50),
    placeholder: '<n>',
    description: 'Steps of the schedule, as in restore',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    placeholder: '<n>',
    description: 'Seed of the noise; 0 unless given',
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write the table as one JSON document to standard output' },
} as const;

export const reproduceCommand = command(
  {
    name: 'reproduce',
    parameters: ['[table]'],
    flags,
    help: {
      description: "Measure a paper's table, beside the paper's numbers",
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: details } }]),
      examples: [
        'interlcm reproduce table1 --data sets --rivals results --checkpoint weights',
        'interlcm reproduce table2 --data sets --rows interlcm,step1 -o ablation',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const restorer = await chooseRestorer(parsed.flags);
    const request = readReproduceRequest(parsed._.table, parsed.flags, restorer);
    const { runReproduce } = await import('./run-reproduce.ts');
    const environment = { stdout: process.stdout, stderr: process.stderr, signal: interruptSignal() };
    process.exitCode = (await runReproduce(request, environment)) ? 0 : 1;
  },
);

interface ReproduceFlags extends LoadRestorerOptions {
  readonly data?: string;
  readonly set?: readonly string[];
  readonly rivals?: string;
  readonly rows?: string;
  readonly output: string;
  readonly weights?: readonly string[];
  readonly fidReference?: string;
  readonly checkpoint?: string;
  readonly steps?: number;
  readonly seed?: number;
  readonly json?: boolean;
}

/** @throws {UsageError} if the flags do not fit together */
export function readReproduceRequest(
  table: string | undefined,
  given: ReproduceFlags,
  restorer?: ChosenRestorer,
): ReproduceRequest {
  const { data, rivals, output, fidReference, device, threads, memory, visualEncoder, spatialEncoder } =
    given;
  if (table === undefined)
    throw new UsageError('reproduce needs a table: table1, table2, table3, table4 or a .json file');
  if (restorer && given.seed !== undefined)
    throw new UsageError('--seed is of InterLCM; leave it out with --restorer');
  if (data === undefined) throw new UsageError('reproduce needs --data and the folder of the sets after it');
  const sets = (given.set ?? []).map((text): [string, string] => {
    const [, name, folder] = /^([\w-]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || folder === undefined)
      throw new UsageError(`--set takes a name and a folder, as celeba-test=pictures, not ${text}`);
    return [name, folder];
  });
  return {
    table,
    data,
    sets: new Map(sets),
    rivals,
    rows: given.rows?.split(',').map((name) => name.trim()),
    output,
    choice: { weights: parseWeights(given.weights ?? []), fidReference, device, threads },
    model: {
      checkpoint: restorer?.file ?? given.checkpoint ?? embeddedModel,
      options: { device, threads, memory, visualEncoder, spatialEncoder, onnx: restorer?.config },
    },
    restorer: restorer?.name,
    sampling: restorer ? {} : { seed: given.seed ?? 0, steps: given.steps },
    json: given.json ?? false,
  };
}
