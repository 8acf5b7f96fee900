/** A photo with what was found in it drawn over it. */

import { type BytePixels, type Pixels, toBytePixels } from '../image/pixels.ts';
import type { DetectedFace } from './face-detector.ts';

type Color = readonly [r: number, g: number, b: number];
const boxColor: Color = [0, 230, 64];
const pointColor: Color = [255, 48, 48];
const labelColor: Color = [0, 0, 0];

/** Digits of 3 × 5 cells, row by row. */
const digits = [
  '###|#.#|#.#|#.#|###',
  '.#.|##.|.#.|.#.|###',
  '###|..#|###|#..|###',
  '###|..#|.##|..#|###',
  '#.#|#.#|###|..#|..#',
  '###|#..|###|..#|###',
  '###|#..|###|#.#|###',
  '###|..#|.#.|.#.|.#.',
  '###|#.#|###|#.#|###',
  '###|#.#|###|..#|###',
];
const digitColumns = 3;
const digitRows = 5;

/**
 * Each face's box, its landmarks, and its number, the place in `faces`, in the box's upper left corner.
 * @param photo RGB; stays as it is
 */
export function annotateFaces(photo: Pixels, faces: readonly DetectedFace[]): BytePixels {
  const data = new Uint8Array(toBytePixels(photo).data);
  const { width, height } = photo;
  const line = Math.max(1, Math.round(Math.max(width, height) / 800));
  const fill = (x: number, y: number, across: number, down: number, color: Color): void => {
    const [left, top] = [Math.max(Math.round(x), 0), Math.max(Math.round(y), 0)];
    for (let row = top; row < Math.min(Math.round(y) + down, height); row++)
      for (let column = left; column < Math.min(Math.round(x) + across, width); column++)
        data.set(color, 3 * (row * width + column));
  };
  for (const [index, { box, landmarks }] of faces.entries()) {
    const [across, down] = [Math.round(box.width), Math.round(box.height)];
    fill(box.x, box.y, across, line, boxColor);
    fill(box.x, box.y + down - line, across, line, boxColor);
    fill(box.x, box.y, line, down, boxColor);
    fill(box.x + across - line, box.y, line, down, boxColor);
    const reach = Math.min(line, Math.round(across / 50));
    for (const [x, y] of landmarks) fill(x - reach, y - reach, 2 * reach + 1, 2 * reach + 1, pointColor);

    const cell = Math.max(1, line, Math.round(across / 40));
    const text = String(index);
    const labelWidth = (text.length * (digitColumns + 1) + 1) * cell;
    const [labelX, labelY] = [Math.max(box.x, 0), Math.max(box.y, 0)];
    fill(labelX, labelY, labelWidth, (digitRows + 2) * cell, boxColor);
    for (const [place, digit] of [...text].entries())
      for (const [row, cells] of digits[Number(digit)]!.split('|').entries())
        for (const [column, mark] of [...cells].entries())
          if (mark === '#') {
            const x = labelX + (1 + place * (digitColumns + 1) + column) * cell;
            fill(x, labelY + (1 + row) * cell, cell, cell, labelColor);
          }
  }
  return { width, height, channels: 3, data };
}
