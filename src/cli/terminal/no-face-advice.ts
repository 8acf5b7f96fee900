import type { Size } from '../../image/resize.ts';

/** What to try where no face was found in a photo. */
export function noFaceAdvice({ width, height }: Size): string {
  const search = 'try --min-score 0.1 or --min-size 10, or draw a --box around a face for restore';
  // The crops that datasets and other tools make are square; the blurred ones show too little to find.
  return width === height
    ? `no face found: if the picture is one aligned face, restore it with --aligned; or ${search}`
    : `no face found: ${search}`;
}
