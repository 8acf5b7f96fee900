import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { erode } from './erode.ts';
import type { AffineMatrix } from './geometry.ts';
import { inverseFaceTransform, parsingMask, pasteFaces } from './paste-back.ts';
import { createPixels } from './pixels.ts';

const flat = (width: number, height: number, channels: 3 | 4, value: number) =>
  createPixels(width, height, channels, new Uint8Array(width * height * channels).fill(value));

/** A photo region of 128 x 128 at (40, 30) is the crop of 256 x 256. */
const AFFINE: AffineMatrix = [2, 0, -80, 0, 2, -60];

describe('erode', () => {
  test.each([1, 2, 3, 4, 5, 8, 13])('of size %d is the least value around each pixel', (size) => {
    const [width, height] = [11, 9];
    const mask = createPixels(
      width,
      height,
      1,
      new RandomStream(1).fillNormal(new Float32Array(width * height)),
    );
    const before = Math.floor(size / 2);
    const expected = mask.data.map((_, at) => {
      let least = Number.POSITIVE_INFINITY;
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const dx = x - (at % width) + before;
          const dy = y - Math.floor(at / width) + before;
          if (dx >= 0 && dx < size && dy >= 0 && dy < size)
            least = Math.min(least, mask.data[y * width + x]!);
        }
      return least;
    });
    expect(erode(mask, size).data).toEqual(expected);
  });
});

describe('parsingMask', () => {
  test('is 1 inside the face, 0 along the edges and in other classes, and soft between', () => {
    const labels = new Uint8Array(256 * 256).fill(1);
    for (let i = 0; i < 256 * 128; i++) labels[i] = [0, 14, 16, 17, 18][i % 5]!;
    const { data } = parsingMask(labels, 256, 256);
    expect(data[(255 - 9) * 256 + 128]).toBe(0);
    expect(data[128 * 256 + 9]).toBe(0);
    expect(data[30 * 256 + 128]).toBeCloseTo(0, 5);
    expect(data[128 * 256 + 128]).toBeCloseTo(0.5, 1);
    expect(data[220 * 256 + 128]).toBeCloseTo(1, 5);
  });

  test('rejects labels that do not fill the size', () => {
    expect(() => parsingMask(new Uint8Array(10), 4, 4)).toThrow('4 x 4');
  });
});

describe('inverseFaceTransform', () => {
  test('takes the crop to the enlarged photo', () => {
    expect(inverseFaceTransform(AFFINE, 1).map(Math.abs)).toEqual([0.5, 0, 40, 0, 0.5, 30]);
    // Half the scale is added where the photo was enlarged.
    expect(inverseFaceTransform(AFFINE, 2).map(Math.abs)).toEqual([1, 0, 81, 0, 1, 61]);
  });
});

describe('pasteFaces', () => {
  const face = flat(256, 256, 3, 200);

  test('replaces the inside, leaves the outside, and feathers between', () => {
    const photo = flat(300, 250, 3, 50);
    const { data } = pasteFaces(photo, [{ pixels: face, affine: AFFINE }], 1);
    const at = (x: number, y: number) => data[(y * 300 + x) * 3]!;
    expect(at(104, 94)).toBe(200);
    expect(at(20, 94)).toBe(50);
    expect(at(104, 180)).toBe(50);
    const across = Array.from({ length: 30 }, (_, i) => at(36 + i, 94));
    expect(across).toEqual([...across].sort((p, q) => p - q));
    // The side is 128 pixels, a twentieth of it 6: the edge moves in by 6 and is soft over 12.
    expect(across.filter((value) => value > 50 && value < 200).length).toBeGreaterThan(8);
    expect(photo.data.every((value) => value === 50)).toBe(true);
  });

  test('follows the mask where it is smaller', () => {
    const half = new Float32Array(256 * 256).fill(0.25);
    const masked = pasteFaces(
      flat(300, 250, 3, 50),
      [{ pixels: face, affine: AFFINE, mask: createPixels(256, 256, 1, half) }],
      1,
    );
    expect(masked.data[(94 * 300 + 104) * 3]).toBe(Math.floor(50 + 0.25 * 150));
  });

  test.each([0.9, 0.3])(
    'lays a part as it would lay the whole, %d of a pixel of the photo to one of the crop',
    (scale) => {
      const noise = new RandomStream(3).fillNormal(new Float32Array(128 * 128 * 3));
      const textured = createPixels(
        128,
        128,
        3,
        noise.map((value) => 128 + 30 * value),
      );
      const affine: AffineMatrix = [scale, 0.1, -20, -0.1, scale, -10];
      // A window of the crop that reaches its right edge, so that the feathered edge is laid too.
      const isInside = (i: number): boolean => i % 128 >= 70 && i >= 40 * 128 && i < 90 * 128;
      const mask = createPixels(
        128,
        128,
        1,
        new Float32Array(128 * 128).map((_, i) => (isInside(i) ? 1 : 0)),
      );
      const photo = createPixels(600, 500, 3, new Float32Array(600 * 500 * 3).fill(60));
      const whole = pasteFaces(photo, [{ pixels: textured, affine }], 1).data;
      const part = pasteFaces(photo, [{ pixels: textured, affine, mask }], 1).data;
      const [a, b, c, d, e, f] = affine;
      let [inside, outside, wrong] = [0, 0, 0];
      for (let i = 0; i < 600 * 500; i++) {
        const [x, y] = [i % 600, Math.floor(i / 600)];
        const [u, v] = [a * x + b * y + c, d * x + e * y + f];
        if (u > 72 && u < 128 && v > 42 && v < 87) {
          inside++;
          if (part[3 * i] !== whole[3 * i]) wrong++;
        } else if (u < 68 || v < 38 || v > 92) {
          outside++;
          if (part[3 * i] !== 60) wrong++;
        }
      }
      expect(Math.min(inside, outside)).toBeGreaterThan(1000);
      expect(wrong).toBe(0);
    },
  );

  test('places faces on an enlarged photo', () => {
    const { data } = pasteFaces(flat(600, 500, 3, 50), [{ pixels: face, affine: AFFINE }], 2);
    expect(data[(188 * 600 + 208) * 3]).toBe(200);
    expect(data[(188 * 600 + 70) * 3]).toBe(50);
  });

  test('cuts faces off at the edge of the photo and leaves out those beyond it', () => {
    const photo = flat(100, 90, 3, 50);
    const { data } = pasteFaces(photo, [{ pixels: face, affine: AFFINE }], 1);
    expect(data[(80 * 100 + 90) * 3]).toBe(200);
    const beyond = pasteFaces(photo, [{ pixels: face, affine: [2, 0, -8000, 0, 2, 0] }], 1);
    expect(beyond.data).toEqual(photo.data);
  });

  test('keeps the alpha of the photo', () => {
    const { data } = pasteFaces(flat(300, 250, 4, 50), [{ pixels: face, affine: AFFINE }], 1);
    expect([...data.slice((94 * 300 + 104) * 4, (94 * 300 + 104) * 4 + 4)]).toEqual([200, 200, 200, 50]);
  });

  test('pastes a face of a few pixels', () => {
    const { data } = pasteFaces(
      flat(60, 60, 3, 50),
      [{ pixels: face, affine: [20, 0, -400, 0, 20, -400] }],
      1,
    );
    expect(data[(26 * 60 + 26) * 3]).toBe(200);
  });

  test('rejects images of the wrong form', () => {
    const photo = flat(300, 250, 3, 50);
    const gray = createPixels(2, 2, 1, new Uint8Array(4));
    expect(() => pasteFaces(gray, [], 1)).toThrow('one channel');
    expect(() => pasteFaces(photo, [], 0.5)).toThrow('scale 0.5');
    expect(() => pasteFaces(photo, [{ pixels: flat(4, 4, 4, 1), affine: AFFINE }], 1)).toThrow(
      'expected RGB',
    );
    const mask = createPixels(2, 2, 1, new Float32Array(4));
    expect(() => pasteFaces(photo, [{ pixels: face, affine: AFFINE, mask }], 1)).toThrow('mask of 2 x 2');
  });
});

describe('pasteFaces with an original', () => {
  const size = 128;
  /** One pixel of the crop is two of the photo. */
  const half: AffineMatrix = [0.5, 0, -10, 0, 0.5, -10];
  const checkered = createPixels(
    300,
    300,
    3,
    Uint8Array.from({ length: 300 * 300 * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return (pixel + Math.floor(pixel / 300)) % 2 === 0 ? 80 : 120;
    }),
  );
  const crop = flat(size, size, 3, 100);

  test('adds what restoring changed to detail that the crop cannot show', () => {
    const face = { pixels: flat(size, size, 3, 130), affine: half };
    const at = (y: number, x: number, { data }: { data: ArrayLike<number> }) => data[3 * (300 * y + x)];
    const kept = pasteFaces(checkered, [{ ...face, original: crop }], 1);
    expect([at(150, 150, kept), at(150, 151, kept)]).toEqual([110, 150]);
    const lost = pasteFaces(checkered, [face], 1);
    expect([at(150, 150, lost), at(150, 151, lost)]).toEqual([130, 130]);
    const weak = pasteFaces(checkered, [{ ...face, strength: 0.5 }], 1);
    expect([at(150, 150, weak), at(150, 151, weak)]).toEqual([105, 125]);
  });

  test('changes nothing where restoring did not, and stays within 0 and 255', () => {
    const same = pasteFaces(checkered, [{ pixels: crop, affine: half, original: crop }], 1);
    expect(same.data).toEqual(checkered.data);
    const bright = { pixels: flat(size, size, 3, 255), affine: half, original: crop };
    const { data } = pasteFaces(checkered, [bright], 1);
    expect(data[3 * (300 * 150 + 151)]).toBe(255);
  });

  test('leaves the background alone, a Buffer too', () => {
    const data = Buffer.from(checkered.data);
    const face = { pixels: flat(size, size, 3, 130), affine: half };
    pasteFaces({ ...checkered, data }, [face], 1);
    expect(data.equals(Buffer.from(checkered.data))).toBe(true);
  });

  test('refuses an original of another size', () => {
    const face = { pixels: crop, affine: half, original: flat(64, 64, 3, 0) };
    expect(() => pasteFaces(checkered, [face], 1)).toThrow('64 x 64');
  });
});
