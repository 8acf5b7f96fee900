import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BytePixels, createPixels, toFloatPixels } from '../image/pixels.ts';
import { drawFaces, renderPixels } from './drawn-face.test-support.ts';
import type { DetectedFace, DetectOptions, FaceDetector } from './face-detector.ts';

const area = ({ box }: DetectedFace): number => box.width * box.height;
const flat = (width: number, height: number, level = 128): BytePixels =>
  createPixels(width, height, 3, new Uint8Array(width * height * 3).fill(level)) as BytePixels;

/**
 * What every face detector does, whatever its network finds.
 * @param options with which the detector finds something in pictures of drawn faces
 */
export function faceDetectorContract(open: () => Promise<FaceDetector>, options: DetectOptions): void {
  let detector: FaceDetector;
  let photo: BytePixels;
  let faces: DetectedFace[];
  beforeAll(async () => {
    detector = await open();
    const places = [
      { x: 0, y: 0, size: 260 },
      { x: 270, y: 60, size: 150 },
    ];
    photo = await renderPixels(drawFaces(430, 270, places));
    faces = await detector.detect(photo, options);
  });
  afterAll(() => detector.release());

  it('has a name', () => {
    expect(detector.name).not.toBe('');
  });

  it('finds several faces, the largest first', () => {
    expect(faces.length).toBeGreaterThan(1);
    expect(faces.map(area)).toEqual(faces.map(area).sort((a, b) => b - a));
  });

  it('gives each a score, a box about the photo and five landmarks, left and right as seen', () => {
    for (const { box, score, landmarks, outline } of faces) {
      expect(score).toBeGreaterThanOrEqual(options.minScore ?? 0);
      expect(score).toBeLessThanOrEqual(1);
      expect(Math.min(box.width, box.height)).toBeGreaterThan(0);
      // It may reach beyond the photo, but lies in it.
      expect(box.x + box.width / 2).toBeGreaterThan(0);
      expect(box.x + box.width / 2).toBeLessThan(photo.width);
      expect(box.y + box.height / 2).toBeGreaterThan(0);
      expect(box.y + box.height / 2).toBeLessThan(photo.height);
      expect(landmarks).toHaveLength(5);
      for (const point of [...landmarks, ...(outline ?? [])])
        expect(point.every((value) => Number.isFinite(value))).toBe(true);
    }
  });

  it('finds the same again, takes bytes and floats, and leaves the photo as it is', async () => {
    const before = photo.data.slice();
    expect(await detector.detect(photo, options)).toEqual(faces);
    // Bytes are rounded wherever the photo is resized: by how little faces move for it is each detector's own to say.
    expect((await detector.detect(toFloatPixels(photo), options)).length).toBeGreaterThan(0);
    expect(photo.data).toEqual(before);
  });

  it('keeps to the most faces, the least score and the least size', async () => {
    const [most] = [...faces].sort((a, b) => b.score - a.score);
    const best = await detector.detect(photo, { ...options, maxFaces: 1 });
    expect(best.map(({ score }) => score)).toEqual([most!.score]);
    expect(await detector.detect(photo, { ...options, minScore: 1.01 })).toEqual([]);
    const longest = Math.max(...faces.map(({ box }) => Math.max(box.width, box.height)));
    expect(await detector.detect(photo, { ...options, minSize: longest + 1 })).toEqual([]);
  });

  it('looks through pictures of any size', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 400],
      [37, 41],
      [701, 33],
    ] as const)
      for (const { score } of await detector.detect(flat(width, height), options))
        expect(score).toBeLessThanOrEqual(1);
  });

  it('says how far it is, up to the end', async () => {
    const fractions: number[] = [];
    await detector.detect(photo, { ...options, onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions[0]).toBeGreaterThanOrEqual(0);
  });

  it('stops with the reason of its signal, and goes on after that', async () => {
    const reason = new Error('enough');
    await expect(detector.detect(photo, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(await detector.detect(photo, options)).toEqual(faces);
  });

  it('places landmarks in a box drawn by hand, whatever is in it', async () => {
    for (const picture of [photo, flat(430, 270)]) {
      const box = { x: 60, y: 50, width: 140, height: 160 };
      const face = await detector.locate(picture, box);
      expect(face.score).toBe(1);
      expect(face.landmarks).toHaveLength(5);
      for (const [x, y] of face.landmarks) {
        expect(x).toBeGreaterThan(box.x - box.width);
        expect(x).toBeLessThan(box.x + 2 * box.width);
        expect(y).toBeGreaterThan(box.y - box.height);
        expect(y).toBeLessThan(box.y + 2 * box.height);
      }
    }
  });
}
