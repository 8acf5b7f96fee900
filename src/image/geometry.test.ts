import { describe, expect, test } from 'vitest';
import {
  type AffineMatrix,
  applyAffine,
  estimateSimilarityLmeds,
  FACE_TEMPLATE_512,
  invertAffine,
  type Point,
} from './geometry.ts';

const MATRIX: AffineMatrix = [2.1, -0.3, 40, 0.3, 2.1, -25];

function expectMatrix(actual: AffineMatrix, expected: AffineMatrix, digits: number): void {
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits);
  });
}

describe('invertAffine', () => {
  test('takes transformed points back', () => {
    const [x, y] = applyAffine(invertAffine(MATRIX), applyAffine(MATRIX, [12, -7]));
    expect(x).toBeCloseTo(12, 12);
    expect(y).toBeCloseTo(-7, 12);
  });

  test('rejects a transform that flattens the plane', () => {
    expect(() => invertAffine([1, 2, 0, 2, 4, 0])).toThrow('flattens the plane');
    expect(() => invertAffine([Number.NaN, 0, 0, 0, 1, 0])).toThrow(RangeError);
  });
});

describe('estimateSimilarityLmeds', () => {
  const back = invertAffine(MATRIX);
  const exact = FACE_TEMPLATE_512.map((point) => applyAffine(back, point));

  test('finds an exact similarity', () => {
    // Points in float32 are known to 1e-5 of a pixel.
    expectMatrix(estimateSimilarityLmeds(exact, FACE_TEMPLATE_512), MATRIX, 4);
  });

  test.each([0, 1, 2, 3, 4])('ignores landmark %d where it is far off', (index) => {
    const spoilt = exact.map((point, i): Point => (i === index ? [point[0] + 60, point[1] - 35] : point));
    expectMatrix(estimateSimilarityLmeds(spoilt, FACE_TEMPLATE_512), MATRIX, 4);
  });

  test('agrees with OpenCV on landmarks of which one is left out', () => {
    const landmarks: Point[] = [
      [201.50461727358024, 157.27686260658132],
      [255.58186436179616, 151.35248302071452],
      [230.4665492510233, 188.87434259604967],
      [207.4188272638692, 219.1174283259115],
      [261.62382809233725, 211.47759005644858],
    ];
    // cv2.estimateAffinePartial2D(landmarks, template, method=cv2.LMEDS)[0]
    const expected = [
      2.0973945991214613, -0.26835020499423945, -176.6163819794359, 0.26835020499423945, 2.0973945991214613,
      -144.06047026981622,
    ] as const;
    expectMatrix(estimateSimilarityLmeds(landmarks, FACE_TEMPLATE_512), expected, 9);
  });

  test('rejects other numbers of points, and points that coincide', () => {
    expect(() => estimateSimilarityLmeds(exact.slice(1), FACE_TEMPLATE_512)).toThrow('five landmarks');
    const same = exact.map((): Point => [3, 3]);
    expect(() => estimateSimilarityLmeds(same, FACE_TEMPLATE_512)).toThrow('coincide');
  });
});
