/** From the 68 landmarks of the iBUG annotation to what aligning and masking a face need. */

import type { Point } from '../image/geometry.ts';

/** First and behind the last of each part's points. */
const leftEye = [36, 42] as const;
const rightEye = [42, 48] as const;
const noseTip = 30;
const mouthCorners = [48, 54] as const;
/** The jaw from ear to ear, and the brows. */
const outline = [0, 27] as const;

/** Centres of the eyes, tip of the nose, corners of the mouth. */
export function fivePoints(landmarks: readonly Point[]): Point[] {
  return [
    mean(landmarks.slice(...leftEye)),
    mean(landmarks.slice(...rightEye)),
    landmarks[noseTip]!,
    ...mouthCorners.map((i) => landmarks[i]!),
  ];
}

/** The points of 68 landmarks along the jaw and the brows. */
export function faceOutline(landmarks: readonly Point[]): Point[] {
  return landmarks.slice(...outline);
}

function mean(points: readonly Point[]): Point {
  const sum = (axis: 0 | 1): number => points.reduce((total, point) => total + point[axis], 0);
  return [sum(0) / points.length, sum(1) / points.length];
}
