/** `interlcm restore`: aligned faces in, restored faces out. */

import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { command } from 'cleye';
import { choiceFlag, integerFlag, rejectUnknownFlags, textFlag } from './flag-types.ts';
import { interruptSignal } from './interruption.ts';
import { encoderFlags, modelFlags } from './model-flags.ts';
import type { RestoreEnvironment, RestoreSettings } from './restore-files.ts';
import { UsageError } from './usage-error.ts';

const details = `Inputs are PNG, JPEG, WebP, AVIF, TIFF or GIF files (known by content), folders and globs;
what exists under the name is never taken for a glob. Results keep the names; where two would
meet, one gets a number. An input is never replaced.

A picture is turned upright by its EXIF orientation and resized to the model's size. One that
is not square keeps its shape; one more than twice as long as wide is refused. RGB numbers and
their colour profile are kept; CMYK, Lab and gray profiles are converted to sRGB. Transparency
is kept (JPEG: laid on white). EXIF, XMP, IPTC, bits beyond 8 and further pages or frames are
left out, and said to be.

Exit codes: 0 all done, 1 some failed, 2 the command is wrong, 130 interrupted.`;

const flags = {
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: 'restored',
    placeholder: '<folder>',
    description: 'Folder for the results, made if needed',
  },
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    placeholder: '<folder>',
    description: 'Folder of the weights, with lcm, clip and interlcm in it',
  },
  ...encoderFlags,
  recursive: { type: Boolean, alias: 'r', description: 'Also take folders inside folders, and mirror them' },
  format: {
    type: choiceFlag('--format', ['input', 'png', 'jpeg', 'webp', 'avif', 'tiff']),
    placeholder: '<name>',
    description: 'png (default), jpeg, webp, avif, tiff, or input for that of each input',
  },
  comparison: { type: Boolean, description: 'Also write input and result side by side, as NAME-comparison' },
  steps: {
    type: integerFlag('--steps', 1, 50),
    placeholder: '<n>',
    description: 'Steps of the schedule: 4 (default) for three-step weights, 2 for one-step weights',
  },
  startStep: {
    type: integerFlag('--start-step', 1, 4),
    placeholder: '<n>',
    description: 'First step to compute, 1 to 4: 2 (default); 1 ignores the latent of the input',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    placeholder: '<n>',
    description: 'Seed of the noise; the same one gives the same picture',
  },
  colorFix: {
    type: choiceFlag('--color-fix', ['wavelet', 'adain', 'none']),
    placeholder: '<name>',
    description: "How the result gets the input's colours: wavelet (default), adain or none",
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write a report as one JSON document to standard output' },
} as const;

interface RestoreFlags {
  readonly output: string;
  readonly checkpoint?: string;
  readonly visualEncoder?: string;
  readonly spatialEncoder?: string;
  readonly recursive?: boolean;
  readonly format?: RestoreSettings['format'];
  readonly comparison?: boolean;
  readonly steps?: number;
  readonly startStep?: number;
  readonly seed?: number;
  readonly colorFix?: RestoreSettings['sampling']['colorFix'];
  readonly device?: RestoreSettings['model']['device'];
  readonly threads?: number;
  readonly memory?: RestoreSettings['model']['memory'];
  readonly json?: boolean;
}

export const restoreCommand = command(
  {
    name: 'restore',
    parameters: ['[pictures...]'],
    flags,
    help: {
      description: 'Restore aligned faces: pictures that show one face, upright and centred',
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: details } }]),
      examples: [
        'interlcm restore photo.png --checkpoint weights',
        "interlcm restore faces/ 'album/*.jpg' -o restored --comparison --checkpoint weights",
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    process.exitCode = await runRestore(parsed._.pictures, parsed.flags, {
      loadRestorer: async (checkpoint, options) => {
        const { loadRestorer } = await import('../platform/node/load-restorer.ts');
        return loadRestorer(checkpoint, options);
      },
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruptSignal(),
    });
  },
);

export interface RunEnvironment extends RestoreEnvironment {
  readonly stdout: { write(text: string): unknown };
}

/**
 * Restores what `inputs` name.
 * @returns the exit code: 0 if all are done, else 1
 * @throws {UsageError} if the flags do not fit; whatever ended the run early, after its report is written
 */
export async function runRestore(
  inputs: readonly string[],
  flags: RestoreFlags,
  environment: RunEnvironment,
): Promise<number> {
  const settings = await readSettings(inputs, flags);
  // Pictures and networks need libraries that take a while to load.
  const { restoreFiles } = await import('./restore-files.ts');
  const { report, stoppedBy } = await restoreFiles(settings, environment);
  if (flags.json) environment.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (stoppedBy !== undefined) throw stoppedBy;
  return report.files.every(({ status }) => status === 'done') ? 0 : 1;
}

const pictureExtension = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i;
/** What the sampler takes where `--steps` is not given. */
const defaultSteps = 4;

async function readSettings(inputs: readonly string[], flags: RestoreFlags): Promise<RestoreSettings> {
  if (inputs.length === 0)
    throw new UsageError('restore needs a picture, a folder or a glob; see restore --help');
  const { checkpoint, output, steps, startStep } = flags;
  if (checkpoint === undefined)
    throw new UsageError('restore needs --checkpoint and the folder of the weights after it');
  if (startStep !== undefined && startStep > (steps ?? defaultSteps))
    throw new UsageError(`--start-step ${startStep} is after the last of ${steps ?? defaultSteps} --steps`);
  const existing = await stat(output).catch(() => undefined);
  if (existing && !existing.isDirectory())
    throw new UsageError(`--output ${output} is a file; it takes a folder`);
  if (!existing && pictureExtension.test(extname(output)))
    throw new UsageError(
      `--output ${output} looks like a picture; it takes a folder, and results keep their names`,
    );
  return {
    inputs,
    recursive: flags.recursive ?? false,
    outputFolder: output,
    format: flags.format ?? 'png',
    comparison: flags.comparison ?? false,
    checkpoint,
    model: {
      device: flags.device,
      threads: flags.threads,
      memory: flags.memory,
      visualEncoder: flags.visualEncoder,
      spatialEncoder: flags.spatialEncoder,
    },
    sampling: { seed: flags.seed, steps, startStep, colorFix: flags.colorFix },
  };
}
