/** From what RetinaFace gives for its anchors to faces. */

import type { Point } from '../image/geometry.ts';
import type { Size } from '../image/resize.ts';
import { retinafaceSteps } from '../models/retinaface/retinaface.ts';
import type { ScoredBox } from './merge-boxes.ts';

export interface RetinaFace extends ScoredBox {
  /** eyes, tip of the nose, corners of the mouth */
  readonly landmarks: readonly Point[];
}

interface RetinaTensors {
  /** [anchors, 4] */
  readonly boxes: Float32Array;
  /** [anchors] */
  readonly scores: Float32Array;
  /** [anchors, 10] */
  readonly landmarks: Float32Array;
}

/** Sides of the square anchors of each level, in pixels. */
const anchorSides = [
  [16, 32],
  [64, 128],
  [256, 512],
] as const;
/** Variances of the encoding: offsets in tenths of the anchor, logarithms of sizes in fifths. */
const offsetScale = 0.1;
const sizeScale = 0.2;

interface Anchor {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Centres and sides in pixels, level by level, row by row. */
function* anchors({ width, height }: Size): Generator<Anchor> {
  for (const [level, step] of retinafaceSteps.entries())
    for (let row = 0; row < Math.ceil(height / step); row++)
      for (let column = 0; column < Math.ceil(width / step); column++)
        for (const side of anchorSides[level]!)
          yield { x: (column + 0.5) * step, y: (row + 0.5) * step, side };
}

/** The faces whose score is above `minScore`, in pixels of the image, in the order of the anchors. */
export function decodeRetinaFaces(
  { boxes, scores, landmarks }: RetinaTensors,
  image: Size,
  minScore: number,
): RetinaFace[] {
  const found: RetinaFace[] = [];
  let i = 0;
  for (const { x, y, side } of anchors(image)) {
    if (scores[i]! > minScore) {
      const at = (values: Float32Array, index: number): Point => [
        x + values[index]! * offsetScale * side,
        y + values[index + 1]! * offsetScale * side,
      ];
      const [centreX, centreY] = at(boxes, 4 * i);
      const width = side * Math.exp(boxes[4 * i + 2]! * sizeScale);
      const height = side * Math.exp(boxes[4 * i + 3]! * sizeScale);
      found.push({
        score: scores[i]!,
        box: { x: centreX - width / 2, y: centreY - height / 2, width, height },
        landmarks: Array.from({ length: 5 }, (_, k) => at(landmarks, 10 * i + 2 * k)),
      });
    }
    i++;
  }
  return found;
}

/** Two boxes that share more of their union than this are one face. */
const largestShare = 0.4;

/** The best of each group of overlapping faces, best first, with extents counted in whole pixels as published. */
export function suppressOverlaps(faces: readonly RetinaFace[]): RetinaFace[] {
  const kept: RetinaFace[] = [];
  for (const face of [...faces].sort((a, b) => b.score - a.score))
    if (kept.every((other) => sharedPart(face, other) <= largestShare)) kept.push(face);
  return kept;
}

function sharedPart({ box: a }: RetinaFace, { box: b }: RetinaFace): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) + 1;
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) + 1;
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / ((a.width + 1) * (a.height + 1) + (b.width + 1) * (b.height + 1) - shared);
}
