import { describe, expect, it } from 'vitest';
import {
  type AffineMatrix,
  applyAffine,
  FACE_TEMPLATE_512,
  invertAffine,
  type Point,
} from '../image/geometry.ts';
import { createPixels } from '../image/pixels.ts';
import { alignFace, cutFace, faceTemplate, isAlignedFace } from './face-crop.ts';

/** Landmarks of a face that a similarity puts into a photo. */
function placed(
  scale: number,
  degrees: number,
  x: number,
  y: number,
): { matrix: AffineMatrix; points: Point[] } {
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const matrix: AffineMatrix = [c, -s, x, s, c, y];
  return { matrix, points: FACE_TEMPLATE_512.map((point) => applyAffine(matrix, point)) };
}

describe('alignFace', () => {
  it.each([128, 256, 512])('takes landmarks to the template of %d pixels', (size) => {
    const { points } = placed(0.37, 23, 300, 40);
    const affine = alignFace(points, size);
    for (const [i, point] of points.entries()) {
      const [x, y] = applyAffine(affine, point);
      const [templateX, templateY] = faceTemplate(size)[i]!;
      // Landmarks are taken in float32.
      expect(Math.hypot(x - templateX, y - templateY)).toBeLessThan(1e-3);
    }
  });

  it('does not follow one landmark that is wrong', () => {
    const { matrix, points } = placed(0.5, -10, 80, 60);
    const wrong = points.map((point, i): Point => (i === 2 ? [point[0] + 40, point[1] - 30] : point));
    const [x, y] = applyAffine(invertAffine(alignFace(wrong, 512)), [256, 256]);
    const [wantedX, wantedY] = applyAffine(matrix, [256, 256]);
    expect(Math.hypot(x - wantedX, y - wantedY)).toBeLessThan(0.1);
  });
});

it('cuts beyond the photo with a border', () => {
  const photo = createPixels(50, 50, 3, new Uint8Array(7500).fill(9));
  const crop = cutFace(photo, alignFace(placed(0.1, 0, 30, 0).points, 64), 64);
  expect([...crop.data.subarray(0, 3)]).toEqual([9, 9, 9]);
  expect([...crop.data.subarray(-3)]).toEqual([132, 133, 135]);
});

describe('isAlignedFace', () => {
  it('knows an aligned face of any size, give or take what landmarks are off', () => {
    for (const size of [100, 512, 1024]) {
      const noisy = faceTemplate(size).map(
        ([x, y], i): Point => [x + (i % 2) * 0.03 * size, y - 0.02 * size],
      );
      expect(isAlignedFace({ width: size, height: size }, noisy)).toBe(true);
    }
  });

  it('takes no other photo for one', () => {
    const points = faceTemplate(512);
    expect(isAlignedFace({ width: 600, height: 512 }, points)).toBe(false);
    expect(isAlignedFace({ width: 512, height: 512 }, placed(0.8, 0, 50, 50).points)).toBe(false);
    expect(isAlignedFace({ width: 512, height: 512 }, placed(1, 20, 110, -70).points)).toBe(false);
  });
});
