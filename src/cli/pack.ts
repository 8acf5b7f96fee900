/** `interlcm pack`: what is shipped of a training run. */
import { command } from 'cleye';
import { choiceFlag, numberFlag, rejectUnknownFlags, textFlag } from './terminal/flag-types.ts';
import { UsageError } from './terminal/usage-error.ts';

const flags = {
  out: {
    type: textFlag('--out', 'a folder'),
    alias: 'o',
    placeholder: '<folder>',
    description: 'Folder to write, which must not be there yet',
  },
  mix: {
    type: [textFlag('--mix', 'a folder')],
    placeholder: '<folder>',
    description: 'Another checkpoint of the same networks, to average the weights with; may be repeated',
  },
  bits: {
    type: choiceFlag('--bits', ['8', '16']),
    placeholder: '<8|16>',
    description: 'Of each weight: 16 for half precision, the default; 8 for whole numbers with a scale a row',
  },
  share: {
    type: numberFlag('--share', 0, 1),
    placeholder: '<0..1>',
    description:
      'Share of all --mix together in the average; as large as that of as many checkpoints unless given',
  },
} as const;

export const packCommand = command(
  {
    name: 'pack',
    parameters: ['[checkpoint]'],
    flags,
    help: {
      description:
        "Copy a checkpoint's networks alone, with fewer bits a weight: what is shipped of a training run",
      examples: [
        'interlcm pack runs/a/latest -o model',
        'interlcm pack runs/a/latest --bits 8 -o small-model',
        'interlcm pack runs/soft/latest --mix runs/sharp/latest --share 0.3 -o model',
        'interlcm pack runs/a/latest --mix runs/b/latest --mix runs/c/latest -o model',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { checkpoint } = parsed._;
    const { out, mix, share, bits } = parsed.flags;
    if (checkpoint === undefined)
      throw new UsageError('pack needs the folder of a checkpoint; see pack --help');
    if (out === undefined) throw new UsageError('pack needs --out and the folder to write after it');
    if (share !== undefined && mix.length === 0)
      throw new UsageError('--share is that of another checkpoint: give it by --mix');
    const { packCheckpoint } = await import('../platform/node/model/pack-checkpoint.ts');
    await packCheckpoint(checkpoint, out, {
      bits: bits === '8' ? 8 : 16,
      ...(mix.length > 0 && { mixture: { folders: mix, share: share ?? mix.length / (mix.length + 1) } }),
    });
  },
);
