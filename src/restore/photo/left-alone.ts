/** Which faces a restoration would not better. */

import { faceSharpness, sharpFrom } from '../../face/sharpness.ts';
import type { Pixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';

/** A loss of a tenth is not seen, nor any loss of a face that is soft anyway. */
const keptSharpness = 0.9;
const softBelow = 0.4;

/** Whether a face is as sharp as the model's output already. @param sharpness see `faceSharpness` */
export function isSharpAlready(sharpness: number): boolean {
  return sharpness >= sharpFrom;
}

/**
 * Whether a restored face would be less sharp than it was.
 * @param crop,result aligned, of one size
 * @param side that both are shown at, in pixels; not above theirs
 */
export function losesSharpness(crop: Pixels, result: Pixels, side: number): boolean {
  const shown = (face: Pixels): number =>
    faceSharpness(side === face.width ? face : resizePixels(face, { width: side, height: side }, 'area'));
  const before = shown(crop);
  return before >= softBelow && shown(result) < keptSharpness * before;
}
