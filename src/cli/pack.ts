/** `interlcm pack`: what is shipped of a training run. */
import { command } from 'cleye';
import { rejectUnknownFlags, textFlag } from './terminal/flag-types.ts';
import { UsageError } from './terminal/usage-error.ts';

const flags = {
  out: {
    type: textFlag('--out', 'a folder'),
    alias: 'o',
    placeholder: '<folder>',
    description: 'Folder to write, which must not be there yet',
  },
} as const;

export const packCommand = command(
  {
    name: 'pack',
    parameters: ['[checkpoint]'],
    flags,
    help: {
      description: "Copy a checkpoint's networks alone, in half precision: what is shipped of a training run",
      examples: ['interlcm pack runs/a/latest -o model'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { checkpoint } = parsed._;
    const { out } = parsed.flags;
    if (checkpoint === undefined)
      throw new UsageError('pack needs the folder of a checkpoint; see pack --help');
    if (out === undefined) throw new UsageError('pack needs --out and the folder to write after it');
    const { packCheckpoint } = await import('../platform/node/model/pack-checkpoint.ts');
    await packCheckpoint(checkpoint, out);
  },
);
