import { describe, expect, it } from 'vitest';
import { decodeRetinaFaces, type RetinaFace, suppressOverlaps } from './retina-boxes.ts';

describe('decodeRetinaFaces', () => {
  // 40 × 20 pixels: maps of 5 × 3, 3 × 2 and 2 × 1, two anchors at each position.
  const image = { width: 40, height: 20 };
  const count = 2 * (5 * 3 + 3 * 2 + 2 * 1);
  const tensors = () => ({
    boxes: new Float32Array(4 * count),
    scores: new Float32Array(count),
    landmarks: new Float32Array(10 * count),
  });

  it.each([
    ['first', 0, { x: 4 - 8, y: 4 - 8, width: 16, height: 16 }],
    ['second, larger at the same place', 1, { x: 4 - 16, y: 4 - 16, width: 32, height: 32 }],
    ['one of the second row', 2 * 6, { x: 12 - 8, y: 12 - 8, width: 16, height: 16 }],
    ['one of the second level', 2 * (15 + 4) + 1, { x: 24 - 64, y: 24 - 64, width: 128, height: 128 }],
    ['last', count - 1, { x: 48 - 256, y: 16 - 256, width: 512, height: 512 }],
  ])('finds the anchors where they are: the %s', (_, at, box) => {
    const given = tensors();
    given.scores[at] = 0.9;
    const [face, ...others] = decodeRetinaFaces(given, image, 0.5);
    expect(others).toEqual([]);
    expect(face!.box).toEqual(box);
    const centre = [box.x + box.width / 2, box.y + box.height / 2];
    expect(face!.landmarks).toEqual(Array.from({ length: 5 }, () => centre));
  });

  it('moves by tenths of the anchor and scales by a fifth of the logarithm', () => {
    const given = tensors();
    given.scores[1] = 0.75;
    given.boxes.set([1, -2, 5 * Math.log(2), 5 * Math.log(3)], 4);
    given.landmarks.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10);
    const [face] = decodeRetinaFaces(given, image, 0.5);
    const { x, y, width, height } = face!.box;
    const [centreX, centreY] = [4 + 0.1 * 32, 4 - 0.2 * 32];
    // Encodings are float32.
    [x - (centreX - 32), y - (centreY - 48), width - 64, height - 96].forEach((difference) => {
      expect(difference).toBeCloseTo(0, 4);
    });
    face!.landmarks.flat().forEach((value, i) => {
      expect(value).toBeCloseTo(4 + 0.1 * 32 * (i + 1), 4);
    });
  });

  it('leaves out what does not exceed the score', () => {
    const given = tensors();
    given.scores.set([0.5, 0.25, 0.75]);
    expect(decodeRetinaFaces(given, image, 0.5).map(({ score }) => score)).toEqual([0.75]);
  });
});

describe('suppressOverlaps', () => {
  const face = (score: number, x: number, width = 10): RetinaFace => ({
    score,
    box: { x, y: 0, width, height: 10 },
    landmarks: [],
  });

  it('keeps the best of faces that share more than two fifths of their union', () => {
    // Counted in whole pixels: 7 of 15 columns are shared, then 6 of 16.
    expect(suppressOverlaps([face(0.8, 4), face(0.9, 0)]).map(({ score }) => score)).toEqual([0.9]);
    expect(suppressOverlaps([face(0.8, 5), face(0.9, 0)]).map(({ score }) => score)).toEqual([0.9, 0.8]);
  });

  it('lets a suppressed face suppress nothing', () => {
    const chain = [face(0.9, 0), face(0.8, 4), face(0.7, 8)];
    expect(suppressOverlaps(chain).map(({ score }) => score)).toEqual([0.9, 0.7]);
  });

  it('keeps a face inside another', () => {
    expect(suppressOverlaps([face(0.9, 0, 100), face(0.8, 40)])).toHaveLength(2);
  });
});
