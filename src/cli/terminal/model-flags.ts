/** Flags that every command which runs networks takes. */
import { choiceFlag, integerFlag, textFlag } from './flag-types.ts';

export const modelFlags = {
  device: {
    type: choiceFlag('--device', ['auto', 'cpu', 'webgpu', 'cuda']),
    placeholder: '<name>',
    description: 'auto (default), cpu, webgpu or cuda',
  },
  threads: {
    type: integerFlag('--threads', 1, 1024),
    placeholder: '<n>',
    description: 'Threads of the processor',
  },
  memory: {
    type: choiceFlag('--memory', ['low', 'balanced', 'fast']),
    placeholder: '<name>',
    description: 'low, balanced or fast: less memory or less time (default: the fastest that fits)',
  },
} as const;

const otherWeights = "Other weights than the checkpoint's own";

/** Flags of commands that open a checkpoint. */
export const encoderFlags = {
  visualEncoder: {
    type: textFlag('--visual-encoder', 'a file'),
    placeholder: '<file>',
    description: otherWeights,
  },
  spatialEncoder: {
    type: textFlag('--spatial-encoder', 'a file'),
    placeholder: '<file>',
    description: otherWeights,
  },
} as const;
