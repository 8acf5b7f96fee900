/** Flags of commands that look for faces. */
import { integerFlag, numberFlag } from './flag-types.ts';

export const searchFlags = {
  minSize: {
    type: integerFlag('--min-size', 10, 100_000),
    placeholder: '<n>',
    description:
      'Longer side in pixels of the smallest face to find (default: 20, in large photos 1/80 of the side)',
  },
  minScore: {
    type: numberFlag('--min-score', 0, 1),
    placeholder: '<s>',
    description: 'Least score of a face, 0 to 1 (default 0.25)',
  },
} as const;

export interface SearchFlags {
  readonly minSize?: number;
  readonly minScore?: number;
}
