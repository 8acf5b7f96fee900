/** One box a face, where several views of a photo found it. */

import type { FaceBox } from './face-detector.ts';

export interface ScoredBox {
  readonly box: FaceBox;
  readonly score: number;
}

/** Two boxes are one face if they share this much of their union, or of the smaller one. */
const largestUnionShare = 0.35;
const largestInnerShare = 0.75;

/** The best of each group of boxes that show the same face, best first. */
export function mergeBoxes<Scored extends ScoredBox>(boxes: readonly Scored[]): Scored[] {
  const kept: Scored[] = [];
  for (const candidate of [...boxes].sort((a, b) => b.score - a.score))
    if (!kept.some(({ box }) => areSameFace(box, candidate.box))) kept.push(candidate);
  return kept;
}

function areSameFace(a: FaceBox, b: FaceBox): boolean {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return false;
  const shared = width * height;
  const [areaA, areaB] = [a.width * a.height, b.width * b.height];
  return (
    shared > largestUnionShare * (areaA + areaB - shared) ||
    shared > largestInnerShare * Math.min(areaA, areaB)
  );
}
