/** Flags of commands that look for faces. */
import { integerFlag, numberFlag, textFlag } from './flag-types.ts';
import { findNetworkFile } from './network-files.ts';

const builtInDetector = 'face-api';

export const searchFlags = {
  detector: {
    type: textFlag('--detector', 'a name or a file'),
    placeholder: '<name|file>',
    description:
      'What finds faces: face-api (default, built in), RetinaFace from its .pth file, or by name what download fetched: detector, detector-small',
  },
  minSize: {
    type: integerFlag('--min-size', 10, 100_000),
    placeholder: '<n>',
    description:
      'Longer side in pixels of the smallest face to find (default: 20, rising to 50 in photos of 12 megapixels and more; RetinaFace: any)',
  },
  minScore: {
    type: numberFlag('--min-score', 0, 1),
    placeholder: '<s>',
    description: 'Least score of a face, 0 to 1 (default 0.3; RetinaFace: 0.8)',
  },
} as const;

/** The file of the detector that is asked for; undefined for the built-in one. @throws as `findNetworkFile` */
export async function findDetectorFile(
  detector: string | undefined,
  folders: readonly string[],
): Promise<string | undefined> {
  if (detector === undefined || detector === builtInDetector) return undefined;
  return findNetworkFile('--detector', detector, { folders, words: [builtInDetector] });
}
