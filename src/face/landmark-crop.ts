/** The square crops that landmarks are found in. */

import {
  type AffineMatrix,
  applyAffine,
  estimateSimilarityLmeds,
  invertAffine,
  type Point,
} from '../image/geometry.ts';
import { affineScale } from '../image/warp-antialiased.ts';
import type { FaceBox } from './face-detector.ts';

/** From the photo to a square of `size` around a box, as large as its longer side. */
export function boxCrop({ x, y, width, height }: FaceBox, size: number): AffineMatrix {
  const scale = size / Math.max(width, height);
  const [centreX, centreY] = [x + width / 2, y + height / 2];
  return [scale, 0, size / 2 - scale * centreX, 0, scale, size / 2 - scale * centreY];
}

/**
 * Where the five points lie, on average, in the crop of a detected box: fractions of its side. Measured on upright
 * portraits.
 */
const pointsInBox: readonly Point[] = [
  [0.318, 0.356],
  [0.682, 0.356],
  [0.5, 0.57],
  [0.338, 0.736],
  [0.662, 0.736],
];

/** From the photo to a square of `size` in which five points lie as in an upright face's box. */
export function uprightCrop(fivePoints: readonly Point[], size: number): AffineMatrix {
  const target = pointsInBox.map(([x, y]): Point => [x * size, y * size]);
  return estimateSimilarityLmeds(fivePoints, target);
}

/** Where the five points of an upright face lie in a box of the photo. */
export function usualPoints({ x, y, width, height }: FaceBox): Point[] {
  const side = Math.max(width, height);
  const [left, top] = [x + (width - side) / 2, y + (height - side) / 2];
  return pointsInBox.map(([u, v]) => [left + u * side, top + v * side]);
}

/** The upright box that a detector would draw around five points, on average. */
export function boxOfPoints(fivePoints: readonly Point[]): FaceBox {
  const toPhoto = invertAffine(uprightCrop(fivePoints, 1));
  const [x, y] = applyAffine(toPhoto, [0.5, 0.5]);
  const side = affineScale(toPhoto);
  return { x: x - side / 2, y: y - side / 2, width: side, height: side };
}

/**
 * How five points compare with those of an upright face: the side of its box in pixels, and the root of the mean
 * squared distance that is left, in sides (0.02 for a face seen from the front, 0.05 half from the side).
 */
export function fitLandmarks(fivePoints: readonly Point[]): { side: number; residual: number } {
  const toUnit = uprightCrop(fivePoints, 1);
  const squares = fivePoints.map((point, i) => {
    const [x, y] = applyAffine(toUnit, point);
    return (x - pointsInBox[i]![0]) ** 2 + (y - pointsInBox[i]![1]) ** 2;
  });
  return {
    side: 1 / affineScale(toUnit),
    residual: Math.sqrt(squares.reduce((sum, square) => sum + square) / squares.length),
  };
}
