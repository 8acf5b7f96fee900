/** `interlcm train`: trains networks by a config file, and goes on where a run stopped. */
import { readFile } from 'node:fs/promises';
import { command } from 'cleye';
import { requireShallow } from '../checkpoint/json-source.ts';
import { explainSystemError } from '../platform/node/files/system-error.ts';
import type { RunSettings } from '../platform/node/train/run-settings.ts';
import type { TrainEvents } from '../platform/node/train/train-run.ts';
import type { DeviceChoice } from '../runtime/runtime.ts';
import { integerFlag, rejectUnknownFlags } from './terminal/flag-types.ts';
import { interruptSignal } from './terminal/interruption.ts';
import { modelFlags } from './terminal/model-flags.ts';
import { Progress } from './terminal/progress.ts';
import { InterruptedError, UsageError } from './terminal/usage-error.ts';

const flags = {
  config: { type: String, placeholder: '<file>', description: 'What to train and how: see configs/' },
  data: { type: String, placeholder: '<folder>', description: 'Folder of good face pictures' },
  pairs: {
    type: String,
    placeholder: '<folder>',
    description: 'Folder that `interlcm degrade` wrote, instead of --data',
  },
  validation: {
    type: String,
    placeholder: '<folder>',
    description: 'Other pictures to validate on; some of --data are held back unless given',
  },
  from: {
    type: String,
    placeholder: '<folder>',
    description: 'Checkpoint with the networks to start from, such as runs/a/latest',
  },
  spatialStart: {
    type: String,
    placeholder: '<file>',
    description: "UNet weights that a new spatial encoder starts from, such as Stable Diffusion 1.5's",
  },
  out: { type: String, alias: 'o', placeholder: '<folder>', description: 'Folder of the new run' },
  resume: { type: String, placeholder: '<folder>', description: 'Go on with the run in this folder' },
  set: {
    type: [String],
    placeholder: '<key=value>',
    description: 'Change a setting of the config, such as data.batch=4; may be repeated',
  },
  workers: {
    type: integerFlag('--workers', 1, 256),
    placeholder: '<n>',
    description:
      'Trainers side by side, each with a share of every batch and one thread unless --threads says more',
  },
  device: modelFlags.device,
  threads: modelFlags.threads,
} as const;

export const trainCommand = command(
  {
    name: 'train',
    flags,
    help: {
      description: 'Train networks on a folder of faces; Ctrl-C saves and stops, --resume goes on',
      examples: [
        'interlcm train --config configs/interlcm.json --data faces/ --from checkpoint/ --out runs/a',
        'interlcm train --resume runs/a --workers 8',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { config, data, pairs, validation, from, spatialStart, out, resume, set } = parsed.flags;
    const starts = { config, data, pairs, validation, from, 'spatial-start': spatialStart, out };
    if (resume !== undefined) {
      const given = Object.entries(starts).find(([, value]) => value !== undefined)?.[0];
      if (given) throw new UsageError(`--resume goes on with the run's own settings; leave --${given} out`);
    } else {
      if (config === undefined)
        throw new UsageError('Which config? Pass one of configs/ by --config, or --resume a run');
      if (out === undefined) throw new UsageError('Where to? Pass a new folder by --out');
      if ((data === undefined) === (pairs === undefined))
        throw new UsageError('What to train on? Pass a folder of faces by --data, or of pairs by --pairs');
    }
    const settings =
      resume === undefined
        ? await readSettings(config!, set, { data, pairs, validation, from, spatialStart })
        : undefined;
    await train(parsed.flags, settings);
  },
);

interface TrainFlags {
  readonly out?: string | undefined;
  readonly resume?: string | undefined;
  readonly set: readonly string[];
  readonly workers?: number | undefined;
  readonly device?: DeviceChoice | undefined;
  readonly threads?: number | undefined;
}

/** @param settings of a new run; undefined to resume one */
async function train(
  { out, resume, set, workers = 1, device, threads }: TrainFlags,
  settings: RunSettings | undefined,
): Promise<void> {
  const [{ createNodeRuntime }, runs, { joinRun }, mpi] = await Promise.all([
    import('../platform/node/engine/node-runtime.ts'),
    import('../platform/node/train/train-run.ts'),
    import('../platform/node/train/join-run.ts'),
    import('../platform/node/train/mpi-communicator.ts'),
  ]);
  const byMpi = mpi.isMpiProcess();
  if (workers > 1 && byMpi)
    throw new UsageError('mpirun starts the workers: leave --workers out, or leave mpirun out');
  if (workers > 1 && device !== undefined && device !== 'cpu' && device !== 'auto')
    throw new UsageError(`Several workers share the processor's cores, not ${device}: leave one of both out`);
  const shared = workers > 1 || byMpi;
  const runtime = await createNodeRuntime({ device, threads: threads ?? (shared ? 1 : undefined) });
  const communicator = byMpi ? await mpi.openMpi() : undefined;
  const signal = interruptSignal();
  const change = (json: unknown): unknown => applyOverrides(json, parseOverrides(set));
  if (communicator && communicator.rank > 0) {
    const same = settings ?? (await runs.readChangedSettings(resume!, change));
    await joinRun(out ?? resume!, same, { runtime, communicator, signal });
    await communicator.close();
    return;
  }
  const progress = new Progress(process.stderr, { total: 1 });
  const options = {
    runtime,
    workers,
    workerThreads: threads,
    communicator,
    signal,
    ...progressEvents(progress),
  };
  try {
    if (settings) await runs.startRun(out!, settings, options);
    else await runs.resumeRun(resume!, options, change);
    await communicator?.close();
  } catch (error) {
    if (error instanceof InterruptedError) {
      progress.line(`Go on with: interlcm train --resume ${resume ?? out}`);
      // All have stopped after the same iteration.
      await communicator?.close();
    }
    throw error;
  } finally {
    progress.close();
  }
}

async function readSettings(
  configFile: string,
  overrides: readonly string[],
  paths: Partial<Record<'data' | 'pairs' | 'validation' | 'from' | 'spatialStart', string | undefined>>,
): Promise<RunSettings> {
  const [{ parseTrainConfig }, { resolve }] = await Promise.all([
    import('../train/train-config.ts'),
    import('node:path'),
  ]);
  const text = await readFile(configFile, 'utf8').catch((cause: unknown) => {
    throw new Error(`Cannot read the config ${configFile}: ${explainSystemError(cause)}`, { cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot train by ${configFile}: it is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  requireShallow(json, configFile);
  const config = parseTrainConfig(applyOverrides(json, parseOverrides(overrides)), configFile);
  const { data, pairs, validation, from, spatialStart } = paths;
  return {
    config,
    images: data === undefined ? { pairs: resolve(pairs!) } : { folder: resolve(data) },
    ...(validation !== undefined && {
      validation: pairs === undefined ? { folder: resolve(validation) } : { pairs: resolve(validation) },
    }),
    ...(from !== undefined && { from: resolve(from) }),
    ...(spatialStart !== undefined && { spatialStart: resolve(spatialStart) }),
  };
}

type Override = readonly [path: readonly string[], value: unknown];

function parseOverrides(texts: readonly string[]): Override[] {
  return texts.map((text) => {
    const equals = text.indexOf('=');
    if (equals <= 0)
      throw new UsageError(`Cannot set ${JSON.stringify(text)}: write key=value, such as data.batch=4`);
    const value = text.slice(equals + 1);
    return [text.slice(0, equals).split('.'), parseValue(value)];
  });
}

/** JSON where it is some, else the text itself. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A copy of `json` with settings changed; `null` removes one. */
function applyOverrides(json: unknown, overrides: readonly Override[]): unknown {
  const copy = structuredClone(json) as Record<string, unknown>;
  for (const [keys, value] of overrides) {
    let place = copy;
    for (const key of keys.slice(0, -1)) {
      if (typeof place[key] !== 'object' || place[key] === null) place[key] = {};
      place = place[key] as Record<string, unknown>;
    }
    const last = keys.at(-1)!;
    if (value === null) delete place[last];
    else place[last] = value;
  }
  return copy;
}

function progressEvents(progress: Progress): TrainEvents {
  const show = (values: Readonly<Record<string, number>>): string =>
    Object.entries(values)
      .filter(([name]) => !name.includes('norm') && name !== 'data_seconds')
      .map(([name, value]) => `${name} ${formatValue(value)}`)
      .join(', ');
  return {
    begin: (done, total) => {
      progress.total = total;
      progress.line(
        done === 0 ? `training ${total} iterations` : `going on after iteration ${done} of ${total}`,
      );
    },
    note: (text) => progress.line(text),
    step: (iteration, values) => progress.update(iteration, `${iteration}: ${show(values)}`),
    validated: (iteration, values) => progress.line(`validation at ${iteration}: ${show(values)}`),
    saved: (iteration, folder) => progress.line(`saved iteration ${iteration} in ${folder}`),
  };
}

function formatValue(value: number): string {
  return Math.abs(value) >= 1e-3 || value === 0 ? value.toPrecision(4) : value.toExponential(2);
}
