/** From a face in a photo to the aligned square that a model restores. */

import {
  type AffineMatrix,
  applyAffine,
  estimateSimilarityLmeds,
  FACE_TEMPLATE_512,
  type Point,
} from '../image/geometry.ts';
import type { Pixels } from '../image/pixels.ts';
import { affineScale, warpAntialiased } from '../image/warp-antialiased.ts';

const templateSize = 512;
/** What the published code puts where the crop reaches beyond the photo; RGB. */
const border = [132, 133, 135];

/** Where the five landmarks lie in an aligned square of `size`. */
export function faceTemplate(size: number): Point[] {
  return FACE_TEMPLATE_512.map(([x, y]) => [(x * size) / templateSize, (y * size) / templateSize]);
}

/** From the photo to the aligned square. */
export function alignFace(landmarks: readonly Point[], size: number): AffineMatrix {
  return estimateSimilarityLmeds(landmarks, faceTemplate(size));
}

/** The aligned square of `size` pixels; what lies outside the photo has the colour that the published code gives it. */
export function cutFace(photo: Pixels, affine: AffineMatrix, size: number): Pixels {
  return warpAntialiased(photo, affine, { x: 0, y: 0, width: size, height: size }, border);
}

/** Of a mask as large as the photo, with one channel. */
export function cutMask(mask: Pixels, affine: AffineMatrix, size: number): Pixels {
  return warpAntialiased(mask, affine, { x: 0, y: 0, width: size, height: size }, [0]);
}

/** A photo whose sides differ by more is no aligned face. */
const largestAspect = 1.02;
/** Landmarks of aligned faces, blurred ones too, are off by up to 22 of 512 pixels, and by up to a seventh in size. */
const largestDistance = 24;
const largestScale = 1.17;

/** Whether a photo is an aligned face already: square, its landmarks where the template has them. */
export function isAlignedFace(
  { width, height }: { readonly width: number; readonly height: number },
  landmarks: readonly Point[],
): boolean {
  if (Math.max(width, height) > largestAspect * Math.min(width, height)) return false;
  const toTemplate: AffineMatrix = [templateSize / width, 0, 0, 0, templateSize / height, 0];
  const points = landmarks.map((point) => applyAffine(toTemplate, point));
  const scale = affineScale(alignFace(points, templateSize));
  if (Math.max(scale, 1 / scale) > largestScale) return false;
  const squares = points.map(([x, y], i) => {
    const [templateX, templateY] = FACE_TEMPLATE_512[i]!;
    return (x - templateX) ** 2 + (y - templateY) ** 2;
  });
  return Math.sqrt(squares.reduce((sum, square) => sum + square) / squares.length) < largestDistance;
}
