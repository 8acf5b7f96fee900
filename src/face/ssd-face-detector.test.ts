import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyAffine } from '../image/geometry.ts';
import { turnMatrix, turnPixels } from '../image/quarter-turn.ts';
import { loadFaceDetector } from '../platform/node/model/load-face-detector.ts';
import { readImageFile } from '../platform/node/picture/image-file.ts';
import { drawFaces, drawnLandmarks, renderPixels } from './drawn-face.test-support.ts';
import type { DetectedFace, FaceDetector } from './face-detector.ts';

let detector: FaceDetector;
beforeAll(async () => {
  detector = await loadFaceDetector();
});
afterAll(() => detector.release());

/** Largest distance of a landmark from where it was drawn, as a share of the drawing's side. */
function largestMiss(face: DetectedFace, place: { x: number; y: number; size: number; turn?: number }) {
  const angle = ((place.turn ?? 0) * Math.PI) / 180;
  const misses = drawnLandmarks.map(([x, y], i) => {
    const [u, v] = [x / 400 - 0.5, y / 400 - 0.5];
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const drawnX = place.x + place.size * (c * u - s * v + 0.5);
    const drawnY = place.y + place.size * (s * u + c * v + 0.5);
    const [foundX, foundY] = face.landmarks[i]!;
    return Math.hypot(foundX - drawnX, foundY - drawnY) / place.size;
  });
  return Math.max(...misses);
}

// A drawn face's lips and nose are where the artist put them, not where people's are: 4 % of the drawing is 7 % of
// the face.
const tolerance = 0.04;

describe('the detector', () => {
  it('finds faces of every size in a large photo, each once, from the largest to the smallest', async () => {
    const places = [
      { x: 40, y: 10, size: 480 },
      { x: 600, y: 50, size: 200 },
      { x: 850, y: 300, size: 100 },
      { x: 650, y: 400, size: 60 },
    ];
    const faces = await detector.detect(await renderPixels(drawFaces(1000, 500, places)));
    expect(faces).toHaveLength(places.length);
    for (const [i, place] of places.entries())
      expect(largestMiss(faces[i]!, place), `face of ${place.size}`).toBeLessThan(tolerance);
  });

  it('places landmarks in a face that is turned', async () => {
    const place = { x: 60, y: 20, size: 400, turn: 25 };
    const [face] = await detector.detect(await renderPixels(drawFaces(520, 440, [place])));
    expect(largestMiss(face!, place)).toBeLessThan(tolerance);
  });

  it('finds faces of photos on their side or upside down, where they are', async () => {
    const place = { x: 20, y: 10, size: 260 };
    const upright = await renderPixels(drawFaces(360, 280, [place]));
    const [expected] = await detector.detect(upright);
    for (const turns of [1, 2, 3] as const) {
      const faces = await detector.detect(turnPixels(upright, turns));
      expect(faces, `${turns} quarters`).toHaveLength(1);
      const matrix = turnMatrix(upright, turns);
      for (const [i, point] of expected!.landmarks.entries()) {
        const [x, y] = applyAffine(matrix, point);
        const [foundX, foundY] = faces[0]!.landmarks[i]!;
        expect(Math.hypot(foundX - x, foundY - y) / place.size).toBeLessThan(tolerance);
      }
      const [x, y] = applyAffine(matrix, [150, 140]);
      const { box } = faces[0]!;
      expect(Math.abs(box.x + box.width / 2 - x)).toBeLessThan(40);
      expect(Math.abs(box.y + box.height / 2 - y)).toBeLessThan(40);
    }
  });

  it('finds faces cut by no tile, wherever they are', async () => {
    for (const x of [350, 470, 590]) {
      const faces = await detector.detect(
        await renderPixels(drawFaces(1000, 300, [{ x, y: 20, size: 260 }])),
      );
      expect(faces, `x = ${x}`).toHaveLength(1);
    }
  });

  it('finds none where there is none', async () => {
    expect(await detector.detect(await renderPixels(drawFaces(400, 300, [])))).toEqual([]);
    const noise = Uint8Array.from({ length: 200 * 100 * 3 }, (_, i) => (i * 2654435761) >>> 24);
    expect(await detector.detect({ width: 200, height: 100, channels: 3, data: noise })).toEqual([]);
  });

  it('keeps to the least size, the least score and the most faces', async () => {
    const photo = await renderPixels(
      drawFaces(500, 300, [
        { x: 0, y: 0, size: 290 },
        { x: 320, y: 100, size: 170 },
      ]),
    );
    expect(await detector.detect(photo)).toHaveLength(2);
    expect(await detector.detect(photo, { minSize: 120 })).toHaveLength(1);
    expect(await detector.detect(photo, { minScore: 1.01 })).toHaveLength(0);
    expect(await detector.detect(photo, { maxFaces: 1 })).toHaveLength(1);
  });

  it('places landmarks in a box drawn by hand, whatever is in it', async () => {
    const place = { x: 100, y: 30, size: 400 };
    const photo = await renderPixels(drawFaces(800, 500, [place]));
    const face = await detector.locate(photo, { x: 205, y: 110, width: 180, height: 220 });
    expect(largestMiss(face, place)).toBeLessThan(tolerance);
    const elsewhere = await detector.locate(photo, { x: 600, y: 100, width: 150, height: 150 });
    for (const [x, y] of elsewhere.landmarks) {
      expect(Math.abs(x - 675)).toBeLessThan(75);
      expect(Math.abs(y - 175)).toBeLessThan(75);
    }
  });

  it('stops when asked', async () => {
    const photo = await renderPixels(drawFaces(700, 400, []));
    await expect(detector.detect(photo, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});

const solvay = path.resolve(
  import.meta.dirname,
  '../../../shared/data/inputs/whole_imgs/Solvay_conference_1927.jpg',
);
it.skipIf(!existsSync(solvay))('finds all 29 faces of the Solvay conference', async () => {
  const { pixels } = await readImageFile(solvay);
  const faces = await detector.detect(pixels);
  expect(faces).toHaveLength(29);
  for (const { score } of faces) expect(score).toBeGreaterThan(0.9);
});
