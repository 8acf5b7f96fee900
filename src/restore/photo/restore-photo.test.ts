import { describe, expect, it } from 'vitest';
import type { DetectedFace } from '../../face/face-detector.ts';
import { sharpFrom } from '../../face/sharpness.ts';
import { gaussianBlur } from '../../image/gaussian-blur.ts';
import { applyAffine, FACE_TEMPLATE_512 } from '../../image/geometry.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { createPixels, type Pixels, toFloatPixels } from '../../image/pixels.ts';
import { RandomStream } from '../../random/random-stream.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import type { RestoreOptions, Restorer } from '../restorer.ts';
import { restorePhoto } from './restore-photo.ts';

/** A face whose crop of 512 pixels is `side` pixels of the photo. */
function faceAt(x: number, y: number, side: number): DetectedFace {
  const scale = side / 512;
  const landmarks = FACE_TEMPLATE_512.map((point) => applyAffine([scale, 0, x, 0, scale, y], point));
  return {
    box: { x: x + 0.2 * side, y: y + 0.2 * side, width: 0.6 * side, height: 0.7 * side },
    score: 1,
    landmarks,
  };
}

/** A model that changes every value by a function. */
function restorerOf(size: number, change: (value: number, channel: number) => number) {
  const seen: RestoreOptions[] = [];
  const restorer: Restorer = {
    imageSize: size,
    device: 'cpu: in a test',
    restore: async (lq, options = {}) => {
      seen.push(options);
      const data = lq.data.map((value, i) => change(value, Math.floor(i / (size * size)) % 3));
      return hostTensor(lq.shape, data);
    },
    release: async () => {},
  };
  return { restorer, seen };
}

const unchanged = (value: number): number => value;
const reddened = (value: number, channel: number): number => (channel === 0 ? 1 : value);

/** Smooth, so that no face in it passes for sharp, with a little of every colour. */
function smoothPhoto(width: number, height: number, gray = false): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (let c = 0; c < 3; c++)
      data[3 * i + c] = 120 + 60 * Math.sin(x / 23 + (gray ? 0 : c)) + 40 * Math.cos(y / 31);
  }
  return createPixels(width, height, 3, data);
}

/** What part of the pixels differ, and where the first and last ones are. */
function differences(a: Pixels, b: Pixels) {
  const columns: number[] = [];
  const rows: number[] = [];
  for (let i = 0; i < a.data.length; i++)
    if (a.data[i] !== b.data[i]) {
      columns.push(Math.floor(i / 3) % a.width);
      rows.push(Math.floor(i / 3 / a.width));
    }
  const extent = (values: number[]) => [
    values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
    values.reduce((most, value) => Math.max(most, value), 0),
  ];
  return { count: columns.length, columns: extent(columns), rows: extent(rows) };
}

describe('restorePhoto', () => {
  it('changes faces, and nothing outside their crops by a bit', async () => {
    const photo = smoothPhoto(300, 200);
    const before = Uint8Array.from(photo.data);
    const { restorer } = restorerOf(64, reddened);
    const faces = [faceAt(20, 30, 90), faceAt(180, 80, 100)];
    const { pixels, faces: outcomes } = await restorePhoto(photo, faces, restorer);
    expect(outcomes.map(({ status }) => status)).toEqual(['restored', 'restored']);
    const { columns, rows } = differences(pixels, photo);
    expect(columns[0]).toBeGreaterThan(20);
    expect(columns[1]).toBeLessThan(280);
    expect(rows[0]).toBeGreaterThan(30);
    expect(rows[1]).toBeLessThan(180);
    // The gap between the crops.
    for (let y = 0; y < 200; y++)
      for (let x = 112; x < 178; x++) {
        const at = 3 * (y * 300 + x);
        expect(pixels.data[at]).toBe(photo.data[at]);
      }
    // The middle of each face is the model's red.
    expect(pixels.data[3 * (80 * 300 + 65)]).toBe(255);
    expect(pixels.data[3 * (135 * 300 + 230)]).toBe(255);
    expect(Uint8Array.from(photo.data)).toEqual(before);
  });

  it('keeps every pixel where the model changes nothing and the face is larger than its output', async () => {
    const noise = new RandomStream(3).fillNormal(new Float32Array(240 * 240 * 3));
    const photo = createPixels(
      240,
      240,
      3,
      Uint8Array.from(noise, (value) => 128 + 20 * value),
    );
    const { restorer } = restorerOf(64, unchanged);
    const { pixels } = await restorePhoto(photo, [faceAt(0, 0, 240)], restorer, { force: true });
    expect(differences(pixels, photo).count).toBe(0);
  });

  it('shows the model what it is to restore, where it is', async () => {
    const photo = smoothPhoto(240, 240);
    const { restorer } = restorerOf(128, unchanged);
    const { pixels } = await restorePhoto(photo, [faceAt(60, 50, 100)], restorer, { force: true });
    // Twice resampled and cut to 8 bits, a smooth photo moves by less than two levels.
    for (let i = 0; i < photo.data.length; i++)
      expect(Math.abs(pixels.data[i]! - photo.data[i]!)).toBeLessThanOrEqual(2);
  });

  it('lays a share of the face over the photo', async () => {
    const photo = smoothPhoto(200, 200);
    const { restorer } = restorerOf(64, reddened);
    const face = faceAt(50, 50, 60);
    const at = 3 * (80 * 200 + 80);
    const red = async (strength: number) =>
      (await restorePhoto(photo, [face], restorer, { strength })).pixels.data[at]!;
    expect(await red(0)).toBe(photo.data[at]);
    expect(await red(1)).toBe(255);
    expect(Math.abs((await red(0.5)) - (255 + photo.data[at]!) / 2)).toBeLessThanOrEqual(2);
  });

  it('enlarges the photo and puts faces in their place', async () => {
    const photo = smoothPhoto(200, 160);
    const { restorer } = restorerOf(64, reddened);
    for (const upscale of [2, 4]) {
      const { pixels } = await restorePhoto(photo, [faceAt(60, 40, 80)], restorer, { upscale });
      expect(pixels).toMatchObject({ width: 200 * upscale, height: 160 * upscale });
      const plain = (await restorePhoto(photo, [], restorer, { upscale })).pixels;
      const { columns, rows } = differences(pixels, plain);
      // The mask is a face upright in the crop's middle: as far from its left as from its right.
      expect(Math.abs((columns[0]! + columns[1]!) / 2 - (100 - 0.5) * upscale)).toBeLessThan(2 * upscale);
      expect(rows[0]).toBeGreaterThan(40 * upscale);
      expect(rows[1]).toBeLessThan(120 * upscale);
    }
  });

  it.each([2, 3])('puts a face of a photo enlarged %d times exactly where it was', async (upscale) => {
    // Red grows to the right and green downwards, four levels a pixel, so that a shift shows as a level.
    const side = 60;
    const ramps = new Uint8Array(side * side * 3).fill(128);
    for (let i = 0; i < side * side; i++) {
      ramps[3 * i] = 8 + 4 * (i % side);
      ramps[3 * i + 1] = 8 + 4 * Math.floor(i / side);
    }
    const photo = createPixels(side, side, 3, ramps);
    const { restorer } = restorerOf(128, unchanged);
    const options = { upscale, background: 'bilinear', force: true } as const;
    const { pixels } = await restorePhoto(photo, [faceAt(10, 10, 40)], restorer, options);
    const shifts = [0, 0];
    let count = 0;
    for (let v = 26 * upscale; v < 34 * upscale; v++)
      for (let u = 26 * upscale; u < 34 * upscale; u++) {
        // Pixel centres lie at halves: that of pixel u of the result is at (u + 1/2)/upscale of the photo's pixels.
        const at = 3 * (v * side * upscale + u);
        shifts[0]! += pixels.data[at]! - (8 + 4 * ((u + 0.5) / upscale - 0.5));
        shifts[1]! += pixels.data[at + 1]! - (8 + 4 * ((v + 0.5) / upscale - 0.5));
        count++;
      }
    // A tenth of a pixel of the photo; half of one of the result would be 1 level at 2, and 0.67 at 3.
    for (const shift of shifts) expect(Math.abs(shift / count)).toBeLessThan(0.4);
  });

  it('keeps gray photos gray to the bit, and colours where asked', async () => {
    const { restorer } = restorerOf(64, reddened);
    const face = faceAt(50, 50, 60);
    const { pixels } = await restorePhoto(smoothPhoto(200, 200, true), [face], restorer);
    expect(differences(pixels, smoothPhoto(200, 200, true)).count).toBeGreaterThan(1000);
    for (let i = 0; i < pixels.data.length; i += 3)
      expect([pixels.data[i + 1], pixels.data[i + 2]]).toEqual([pixels.data[i], pixels.data[i]]);

    const photo = smoothPhoto(200, 200);
    const kept = (await restorePhoto(photo, [face], restorer, { color: 'keep' })).pixels;
    const at = 3 * (80 * 200 + 80);
    const spread = ({ data }: Pixels): number => data[at]! - data[at + 1]!;
    expect(Math.abs(spread(kept) - spread(photo))).toBeLessThanOrEqual(2);
    const gray = (await restorePhoto(photo, [face], restorer, { color: 'gray' })).pixels;
    for (let i = 0; i < gray.data.length; i += 3) expect(gray.data[i]).toBe(gray.data[i + 2]);
  });

  it('keeps the fractions of deep photos outside faces', async () => {
    const bytes = smoothPhoto(200, 200);
    const photo = createPixels(
      200,
      200,
      3,
      Float32Array.from(bytes.data, (value, i) => value + (i % 7) / 257),
    );
    const { restorer } = restorerOf(64, reddened);
    const { pixels } = await restorePhoto(photo, [faceAt(50, 50, 60)], restorer);
    expect(pixels.data).toBeInstanceOf(Float32Array);
    expect(pixels.data.subarray(0, 200 * 3 * 50)).toEqual(photo.data.subarray(0, 200 * 3 * 50));
    expect(differences(pixels, photo).count).toBeGreaterThan(1000);
  });

  it('leaves a small face alone that the model would make less sharp than it is', async () => {
    const photo = smoothPhoto(200, 200);
    // Detail around the eyes, at the photo's own scale; enlarged to the model's size it is coarse.
    const noise = new RandomStream(5).fillNormal(new Float32Array(200 * 200));
    const face = faceAt(60, 60, 64);
    for (let y = 86; y < 95; y++)
      for (let x = 77; x < 107; x++)
        for (let c = 0; c < 3; c++) photo.data[3 * (y * 200 + x) + c] = 128 + 30 * noise[y * 200 + x]!;
    const { restorer } = restorerOf(256, (value) => 0.2 * value);
    const blurring: Restorer = {
      ...restorer,
      restore: async (lq) => {
        const smooth = gaussianBlur(toFloatPixels(tensorToPixels(lq)), 31, 5);
        return pixelsToTensor(smooth);
      },
    };
    const { pixels, faces } = await restorePhoto(photo, [face], blurring);
    expect(faces[0]).toMatchObject({ status: 'sharp' });
    expect(faces[0]!.sharpness).toBeLessThan(sharpFrom);
    expect(pixels).toEqual(photo);
    expect((await restorePhoto(photo, [face], blurring, { force: true })).faces[0]!.status).toBe('restored');
    expect((await restorePhoto(photo, [face], restorer)).faces[0]!.status).toBe('restored');
  });

  it('leaves sharp faces alone unless forced', async () => {
    const noise = new RandomStream(5).fillNormal(new Float32Array(64 * 64));
    const eyes = createPixels(64, 64, 3, new Uint8Array(64 * 64 * 3).fill(128));
    // Detail around the eyes, flat cheeks.
    for (let i = 64 * 24; i < 64 * 36; i++) eyes.data.fill(128 + 60 * noise[i]!, 3 * i, 3 * i + 3);
    const { restorer, seen } = restorerOf(64, reddened);
    const { pixels, faces } = await restorePhoto(eyes, [faceAt(0, 0, 64)], restorer);
    expect(faces[0]).toMatchObject({ status: 'sharp' });
    expect(differences(pixels, eyes).count).toBe(0);
    expect(seen).toHaveLength(0);
    const forced = await restorePhoto(eyes, [faceAt(0, 0, 64)], restorer, { force: true });
    expect(forced.faces[0]).toMatchObject({ status: 'restored' });
  });

  it('counts its progress over all faces and hands the options on', async () => {
    const { restorer, seen } = restorerOf(64, unchanged);
    const faces = [faceAt(20, 30, 60), faceAt(120, 80, 60)];
    const reports: string[] = [];
    await restorePhoto(smoothPhoto(200, 200), faces, restorer, {
      seed: 5,
      onProgress: ({ label, fraction }) => reports.push(`${label} ${fraction}`),
    });
    expect(seen.map(({ seed }) => seed)).toEqual([5, 5]);
    seen[1]!.onProgress!({ stage: 'step', label: 'step 1 of 3', fraction: 0.5 });
    expect(reports).toEqual(['face 2 of 2, step 1 of 3 0.75']);
  });

  it('refuses settings out of range', async () => {
    const { restorer } = restorerOf(64, unchanged);
    await expect(restorePhoto(smoothPhoto(9, 9), [], restorer, { strength: 1.5 })).rejects.toThrow(
      'strength 1.5',
    );
    await expect(restorePhoto(smoothPhoto(9, 9), [], restorer, { upscale: 0.5 })).rejects.toThrow(
      '0.5 times',
    );
  });
});
