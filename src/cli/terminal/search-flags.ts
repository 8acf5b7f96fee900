/** Flags of commands that look for faces. */
import { pictureLimits } from '../../image/file/picture-limits.ts';
import { integerFlag, numberFlag, textFlag } from './flag-types.ts';
import { findNetworkFile } from './network-files.ts';

const mostMegapixels = pictureLimits.mostPixels / 1e6;
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
  maxMegapixels: {
    type: numberFlag('--max-megapixels', 0.01, mostMegapixels),
    placeholder: '<n>',
    description: `Most pixels of a picture, in millions: 100 (default) to ${mostMegapixels}, which take up to 8 GB of memory and keep 8 bits a sample`,
  },
} as const;

/** What the flag allows, in pixels. */
export function pixelsOf(megapixels: number | undefined): number | undefined {
  return megapixels === undefined ? undefined : Math.floor(megapixels * 1e6);
}

/** The file of the detector that is asked for; undefined for the built-in one. @throws as `findNetworkFile` */
export async function findDetectorFile(
  detector: string | undefined,
  folders: readonly string[],
): Promise<string | undefined> {
  if (detector === undefined || detector === builtInDetector) return undefined;
  return findNetworkFile('--detector', detector, { folders, words: [builtInDetector] });
}
