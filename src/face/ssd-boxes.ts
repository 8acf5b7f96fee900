/** From what a single-shot detector gives for its anchors to boxes. */

import type { FaceBox } from './face-detector.ts';
import type { ScoredBox } from './merge-boxes.ts';

/** Variances of the encoding: centres in tenths of the anchor, logarithms of sizes in fifths. */
const centreScale = 10;
const sizeScale = 5;

/**
 * The boxes whose score reaches `minScore`, in pixels of the tile.
 * @param encodings [anchors, 4]: centre y, centre x, log height, log width
 * @param scores [anchors], 0..1
 * @param anchors [anchors, 4]: top, left, bottom, right in fractions of the tile
 */
export function decodeSsdBoxes(
  encodings: Float32Array,
  scores: Float32Array,
  anchors: Float32Array,
  { tile, minScore }: { readonly tile: number; readonly minScore: number },
): ScoredBox[] {
  const found: ScoredBox[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (!(scores[i]! >= minScore)) continue;
    const box = decodeBox(encodings.subarray(4 * i, 4 * i + 4), anchors.subarray(4 * i, 4 * i + 4));
    found.push({
      score: scores[i]!,
      box: { x: box.x * tile, y: box.y * tile, width: box.width * tile, height: box.height * tile },
    });
  }
  return found;
}

function decodeBox(encoding: Float32Array, anchor: Float32Array): FaceBox {
  const [dy, dx, logHeight, logWidth] = encoding as unknown as [number, number, number, number];
  const [top, left, bottom, right] = anchor as unknown as [number, number, number, number];
  const height = Math.exp(logHeight / sizeScale) * (bottom - top);
  const width = Math.exp(logWidth / sizeScale) * (right - left);
  const y = (top + bottom) / 2 + (dy / centreScale) * (bottom - top);
  const x = (left + right) / 2 + (dx / centreScale) * (right - left);
  return { x: x - width / 2, y: y - height / 2, width, height };
}
