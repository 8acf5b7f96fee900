/** Pictures turned and mirrored in quarter turns. */

import { createPixels, type Pixels } from './pixels.ts';

/**
 * What has to be done to a stored picture to see it upright: 1 nothing, 2 mirror, 3 half a turn, 4 mirror upside down,
 * 5 swap rows and columns, 6 a quarter turn to the right, 7 swap about the other diagonal, 8 a quarter turn to the left.
 * @see CIPA DC-008 (EXIF), 4.6.5.1, tag Orientation
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** The upright picture; the picture itself for orientation 1. */
export function orientPixels<P extends Pixels>(pixels: P, orientation: Orientation): P {
  if (orientation === 1) return pixels;
  const { width, height, channels, data } = pixels;
  const swapped = orientation >= 5;
  const [newWidth, newHeight] = swapped ? [height, width] : [width, height];
  const turned = data instanceof Float32Array ? new Float32Array(data.length) : new Uint8Array(data.length);
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  for (let y = 0; y < newHeight; y++)
    for (let x = 0; x < newWidth; x++) {
      const [column, row] = swapped ? [y, x] : [x, y];
      const fromX = fromRight ? width - 1 - column : column;
      const fromY = fromBottom ? height - 1 - row : row;
      const from = channels * (fromY * width + fromX);
      const to = channels * (y * newWidth + x);
      for (let channel = 0; channel < channels; channel++) turned[to + channel] = data[from + channel]!;
    }
  return { ...pixels, ...createPixels(newWidth, newHeight, channels, turned) };
}
