import type { DetectedFace } from './face-detector.ts';
import { boxOfPoints } from './landmark-crop.ts';
import { mergeBoxes } from './merge-boxes.ts';

/**
 * Of detections whose landmarks are in the same place the best, from the largest to the smallest; each keeps its own
 * box.
 * @param maxFaces the best so many are kept
 */
export function mergeFaces(
  faces: readonly DetectedFace[],
  maxFaces = Number.POSITIVE_INFINITY,
): DetectedFace[] {
  const placed = faces.map((face) => ({ face, score: face.score, box: boxOfPoints(face.landmarks) }));
  return mergeBoxes(placed)
    .map(({ face }) => face)
    .slice(0, maxFaces)
    .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
}
