import { describe, expect, it } from 'vitest';
import type { DetectedFace } from '../../face/face-detector.ts';
import type { FaceParser } from '../../face/face-parser.ts';
import { applyAffine, FACE_TEMPLATE_512 } from '../../image/geometry.ts';
import { createPixels, type Pixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import type { Restorer } from '../restorer.ts';
import { restorePhoto } from './restore-photo.ts';

const side = 160;
/** The crop of this face is the part of the photo from 32,32 on, 96 pixels wide. */
const face: DetectedFace = {
  box: { x: 50, y: 50, width: 60, height: 66 },
  score: 1,
  landmarks: FACE_TEMPLATE_512.map((point) => applyAffine([96 / 512, 0, 32, 0, 96 / 512, 32], point)),
};

/** A model that gives one colour, and remembers what it was shown. */
function paintsIn([r, g, b]: readonly [number, number, number]) {
  const shown: HostTensor[] = [];
  const size = 96;
  const restorer: Restorer = {
    imageSize: size,
    device: 'cpu: in a test',
    restore: async (lq) => {
      shown.push(lq);
      const area = size * size;
      const data = Float32Array.from({ length: 3 * area }, (_, i) => [r, g, b][Math.floor(i / area)]!);
      return hostTensor(lq.shape, data);
    },
    release: async () => {},
  };
  return { restorer, shown };
}
const red = [1, -1, -1] as const;

/** Every pixel of one colour. */
function plain(color: readonly number[]): Pixels {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => color[i % 3]!);
  return createPixels(side, side, 3, data);
}
const at = ({ data }: Pixels, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * side + x), 3 * (y * side + x) + 3),
];

describe('colorizing', () => {
  it('shows the model no colour, and takes its colours over', async () => {
    const { restorer, shown } = paintsIn(red);
    const sepia = plain([120, 100, 80]);
    const { pixels, faces } = await restorePhoto(sepia, [face], restorer, { color: 'colorize' });
    expect(faces[0]!.status).toBe('restored');
    const [plane, area] = [shown[0]!.data, 96 * 96];
    for (let i = 0; i < area; i += 101)
      expect([plane[i + area], plane[i + 2 * area]]).toEqual([plane[i], plane[i]]);
    expect(at(pixels, 80, 85)).toEqual([255, 0, 0]);
    expect(at(pixels, 5, 5)).toEqual([120, 100, 80]);
  });

  it('does so in gray photos too, which are kept gray otherwise', async () => {
    const { restorer } = paintsIn(red);
    const gray = plain([100, 100, 100]);
    const { pixels } = await restorePhoto(gray, [face], restorer, { color: 'colorize' });
    expect(at(pixels, 80, 85)).toEqual([255, 0, 0]);
    const kept = (await restorePhoto(gray, [face], restorer)).pixels;
    expect(new Set(at(kept, 80, 85)).size).toBe(1);
  });
});

describe('filling in', () => {
  /** From 60,60 on, 20 pixels wide; and a patch in the corner, away from the face. */
  const paint = createPixels(side, side, 1, new Uint8Array(side * side));
  for (let y = 60; y < 80; y++) paint.data.fill(255, y * side + 60, y * side + 80);
  const photo = plain([90, 120, 150]);

  it('shows the model white paint, and replaces nothing else', async () => {
    const { restorer, shown } = paintsIn(red);
    const { pixels } = await restorePhoto(photo, [face], restorer, { paint });
    const crop = shown[0]!.data;
    expect(crop[38 * 96 + 38]).toBe(1);
    expect(crop[70 * 96 + 38]).toBeLessThan(0);
    for (let y = 60; y < 80; y++) for (let x = 60; x < 80; x++) expect(at(pixels, x, y)).toEqual([255, 0, 0]);
    // The edge is 4 pixels wide.
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        if (Math.max(60 - x, x - 79, 60 - y, y - 79) > 5) expect(at(pixels, x, y)).toEqual([90, 120, 150]);
    expect(at(pixels, 81, 70)[0]).toBeGreaterThan(90);
    expect(at(pixels, 81, 70)[0]).toBeLessThan(255);
  });

  it('leaves faces without paint alone', async () => {
    const { restorer, shown } = paintsIn(red);
    const corner = createPixels(side, side, 1, new Uint8Array(side * side).fill(255, 0, 20));
    const { pixels, faces } = await restorePhoto(photo, [face], restorer, { paint: corner, force: true });
    expect(faces[0]!.status).toBe('unpainted');
    expect(shown).toHaveLength(0);
    expect(pixels.data).toEqual(photo.data);
  });

  it('refuses paint of another size', async () => {
    const other = createPixels(2, 2, 1, new Uint8Array(4));
    await expect(restorePhoto(photo, [face], paintsIn(red).restorer, { paint: other })).rejects.toThrow(
      'photo of 160 x 160 by paint of 2 x 2',
    );
  });
});

describe('what is pasted', () => {
  it('is what a parser takes for the face', async () => {
    const seen: number[] = [];
    /** Skin in the upper half, hair below. */
    const parser: FaceParser = {
      parse: async ({ width }) => {
        seen.push(width);
        return Uint8Array.from({ length: width * width }, (_, i) => (i < (width * width) / 2 ? 1 : 13));
      },
      release: async () => {},
    };
    const hat: FaceParser = { ...parser, parse: async ({ width }) => new Uint8Array(width * width).fill(14) };
    const photo = plain([90, 120, 150]);
    const { restorer } = paintsIn(red);
    const { pixels } = await restorePhoto(photo, [face], restorer, { parser });
    expect(seen).toEqual([512]);
    expect(at(pixels, 80, 60)).toEqual([255, 0, 0]);
    const below = (await restorePhoto(photo, [face], restorer, { parser: hat })).pixels;
    expect(below.data).toEqual(photo.data);
  });

  it('goes onto what somebody else has enlarged, if it fits', async () => {
    const { restorer } = paintsIn(red);
    const photo = plain([90, 120, 150]);
    const background = async (source: Pixels) => {
      const large = resizePixels(source, { width: 2 * side, height: 2 * side }, 'bilinear');
      large.data.fill(7, 0, 3);
      return large;
    };
    const { pixels } = await restorePhoto(photo, [face], restorer, { upscale: 2, background });
    expect(pixels).toMatchObject({ width: 320, height: 320 });
    expect([...pixels.data.subarray(0, 3)]).toEqual([7, 7, 7]);
    expect([...pixels.data.subarray(3 * (170 * 320 + 160)).subarray(0, 3)]).toEqual([255, 0, 0]);
    await expect(restorePhoto(photo, [face], restorer, { upscale: 4, background })).rejects.toThrow(
      '4 times by what makes 320 x 320 of its 160 x 160',
    );
  });
});
