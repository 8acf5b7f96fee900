/** From the maps that a single-shot detector gives to boxes. */

import type { HostTensor } from '../tensor/host-tensor.ts';
import type { ScoredBox } from './merge-boxes.ts';

/** Variances of the encoding: centres in tenths of the anchor, logarithms of sizes in fifths. */
const centreScale = 10;
const sizeScale = 5;

/** A box that encodings start from. */
interface Anchor {
  /** from the upper left corner of its cell, in pixels */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The cells of one map: all have the same anchors. */
export interface AnchorMap {
  /** from cell to cell, in pixels */
  readonly stride: number;
  readonly anchors: readonly Anchor[];
}

/**
 * The anchors of each map's cells, from a list of every anchor of a square image.
 * @param list [anchors, 4]: top, left, bottom, right in fractions of the side, map by map, row by row
 * @param maps in the list's order
 */
export function anchorMaps(
  list: Float32Array,
  side: number,
  maps: readonly { readonly stride: number; readonly anchors: number }[],
): AnchorMap[] {
  let start = 0;
  return maps.map(({ stride, anchors: count }) => {
    const cells = side / stride;
    const anchors = Array.from({ length: count }, (_, i): Anchor => {
      // Of the first cell, at the origin.
      const at = 4 * (start + i);
      const [top, left, bottom, right] = list.subarray(at, at + 4) as unknown as number[];
      return {
        x: ((left! + right!) / 2) * side,
        y: ((top! + bottom!) / 2) * side,
        width: (right! - left!) * side,
        height: (bottom! - top!) * side,
      };
    });
    start += cells * cells * count;
    return { stride, anchors };
  });
}

/**
 * The boxes of one map whose score reaches `minScore`, in pixels of the image.
 * @param predictions [1, anchors·5, rows, columns]: centre y, centre x, log height, log width of each anchor, then
 *   the logit of each
 */
export function decodeSsdMap(
  { shape, data }: HostTensor,
  { stride, anchors }: AnchorMap,
  minScore: number,
): ScoredBox[] {
  const [, , rows, columns] = shape as [number, number, number, number];
  const area = rows * columns;
  const leastLogit = Math.log(minScore / (1 - minScore));
  const found: ScoredBox[] = [];
  for (const [k, anchor] of anchors.entries()) {
    const logits = data.subarray((4 * anchors.length + k) * area, (4 * anchors.length + k + 1) * area);
    for (let cell = 0; cell < area; cell++) {
      const logit = logits[cell]!;
      if (!(logit >= leastLogit)) continue;
      const encoded = (part: number): number => data[(4 * k + part) * area + cell]!;
      const height = Math.exp(encoded(2) / sizeScale) * anchor.height;
      const width = Math.exp(encoded(3) / sizeScale) * anchor.width;
      const y = anchor.y + stride * Math.floor(cell / columns) + (encoded(0) / centreScale) * anchor.height;
      const x = anchor.x + stride * (cell % columns) + (encoded(1) / centreScale) * anchor.width;
      const box = { x: x - width / 2, y: y - height / 2, width, height };
      found.push({ box, score: 1 / (1 + Math.exp(-logit)) });
    }
  }
  return found;
}
