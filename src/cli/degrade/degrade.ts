/** `interlcm degrade`: good faces in, pairs of good and degraded faces out. */

import { stat } from 'node:fs/promises';
import { command } from 'cleye';
import { choiceFlag, integerFlag, rejectUnknownFlags, textFlag } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { DegradeEnvironment, DegradeSettings } from './degrade-files.ts';

const details = `Blur, shrinking, noise, JPEG and enlarging, with everything random drawn from the seed and the
name: the same seed makes the same pairs, and more pictures can be added later. Writes
  hq/NAME.png             the largest square in the centre of each picture, of --size
  lq/NAME.png             the same, degraded
  degradation.jsonl       what was drawn for each: one JSON object a line
The ranges are made for 512 pixels; another --size blurs as much in relation to the picture.
Pairs that are there already stay, unless --overwrite. Train on them by train --pairs.

Exit codes: 0 all done, 1 some failed, 2 the command is wrong, 130 interrupted.`;

const flags = {
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: 'pairs',
    placeholder: '<folder>',
    description: 'Folder for the pairs, made if needed',
  },
  preset: {
    type: choiceFlag('--preset', ['mild', 'standard', 'severe']),
    default: 'standard' as const,
    placeholder: '<name>',
    description: 'How much: standard (what the released weights were trained with) or severe',
  },
  seed: {
    type: integerFlag('--seed', 0, Number.MAX_SAFE_INTEGER),
    default: 0,
    placeholder: '<n>',
    description: 'Seed of everything random',
  },
  size: {
    type: integerFlag('--size', 16, 4096),
    default: 512,
    placeholder: '<n>',
    description: 'Side of the pairs in pixels',
  },
  recursive: { type: Boolean, alias: 'r', description: 'Also take folders inside folders, and mirror them' },
  overwrite: { type: Boolean, description: 'Make pairs that are there already anew' },
} as const;

export const degradeCommand = command(
  {
    name: 'degrade',
    parameters: ['[pictures...]'],
    flags,
    help: {
      description: 'Make pairs of good and degraded faces, to train on or to test with',
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: details } }]),
      examples: ['interlcm degrade faces/ -o pairs --preset standard --seed 7'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { recursive = false, overwrite = false, ...rest } = parsed.flags;
    process.exitCode = await runDegrade(
      { ...rest, recursive, overwrite, inputs: parsed._.pictures },
      { stderr: process.stderr, signal: interruptSignal() },
    );
  },
);

/**
 * Makes the pairs.
 * @returns the exit code: 0 if all are there, else 1
 * @throws {UsageError} if the flags do not fit; the signal's reason if interrupted
 */
export async function runDegrade(
  settings: DegradeSettings,
  environment: DegradeEnvironment,
): Promise<number> {
  const { inputs, output } = settings;
  if (inputs.length === 0)
    throw new UsageError('degrade needs a picture, a folder or a glob; see degrade --help');
  const existing = await stat(output).catch(() => undefined);
  if (existing && !existing.isDirectory())
    throw new UsageError(`--output ${output} is a file; it takes a folder`);
  // Pictures need libraries that take a while to load.
  const { degradeFiles } = await import('./degrade-files.ts');
  return (await degradeFiles(settings, environment)) ? 0 : 1;
}
