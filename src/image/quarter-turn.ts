/** Turning images by quarters, and coordinates with them. */

import type { AffineMatrix } from './geometry.ts';
import { createPixels, isBytePixels, type Pixels } from './pixels.ts';
import type { Size } from './resize.ts';

/** How often an image is turned clockwise by 90 degrees. */
export type QuarterTurns = 1 | 2 | 3;

/** From coordinates in an image of a size to those in the turned image; 0 is the border of the first pixel. */
export function turnMatrix({ width, height }: Size, turns: QuarterTurns): AffineMatrix {
  switch (turns) {
    case 1:
      return [0, -1, height, 1, 0, 0];
    case 2:
      return [-1, 0, width, 0, -1, height];
    case 3:
      return [0, 1, 0, -1, 0, width];
  }
}

/** The image, turned clockwise. */
export function turnPixels(pixels: Pixels, turns: QuarterTurns): Pixels {
  const { width, height, channels, data } = pixels;
  const turned = isBytePixels(pixels) ? new Uint8Array(data.length) : new Float32Array(data.length);
  // Where the first pixel of a row goes, and how far from it the next one does.
  const [firstOf, step] = (
    {
      1: [(y: number) => height - 1 - y, height],
      2: [(y: number) => (height - y) * width - 1, -1],
      3: [(y: number) => (width - 1) * height + y, -height],
    } as const
  )[turns];
  let from = 0;
  for (let y = 0; y < height; y++) {
    let to = firstOf(y) * channels;
    for (let x = 0; x < width; x++, to += step * channels)
      for (let c = 0; c < channels; c++) turned[to + c] = data[from++]!;
  }
  const [across, down] = turns === 2 ? [width, height] : [height, width];
  return createPixels(across, down, channels, turned);
}
