import { expect, it } from 'vitest';
import { gaussianBlur } from '../image/gaussian-blur.ts';
import { createPixels, type Pixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { RandomStream } from '../random/random-stream.ts';
import { drawFaces, renderPixels } from './drawn-face.test-support.ts';
import { faceSharpness, sharpFrom } from './sharpness.ts';

/** Detail at every scale around the eyes, as in a sharp photo; flat elsewhere. */
function sharpCrop(size: number): Pixels {
  const image = new Float32Array(size * size * 3).fill(128);
  for (const sigma of [0, 1, 2, 4]) {
    const noise = createPixels(
      size,
      size,
      1,
      new RandomStream(sigma).fillNormal(new Float32Array(size * size)),
    );
    const band = sigma === 0 ? noise : gaussianBlur(noise, 6 * sigma + 1, sigma);
    // A photo's bands are about equally strong; a blur takes its width off the noise's.
    const strength = 8 * Math.max(1, 3.5 * sigma);
    for (let y = Math.floor(0.4 * size); y < 0.54 * size; y++)
      for (let x = 0; x < size; x++)
        for (let c = 0; c < 3; c++) image[3 * (y * size + x) + c]! += strength * band.data[y * size + x]!;
  }
  return createPixels(size, size, 3, image);
}

it.each([128, 256, 512])('tells a sharp crop of %d pixels from one that was enlarged', (size) => {
  const sharp = sharpCrop(size);
  expect(faceSharpness(sharp)).toBeGreaterThan(sharpFrom);
  const half = resizePixels(sharp, { width: size / 2, height: size / 2 }, 'area');
  const enlarged = resizePixels(half, { width: size, height: size }, 'bilinear');
  expect(faceSharpness(enlarged)).toBeLessThan(sharpFrom);
});

it('does not take noise over all of a face for sharpness', async () => {
  const soft = await renderPixels(drawFaces(256, 256, [{ x: -100, y: -100, size: 450 }]));
  const noise = new RandomStream(1).fillNormal(new Float32Array(soft.data.length));
  const noisy = createPixels(
    256,
    256,
    3,
    Float32Array.from(soft.data, (value, i) => value + 8 * noise[i]!),
  );
  expect(faceSharpness(noisy)).toBeLessThan(sharpFrom);
});

it('does not take what chance leaves of noise for sharpness where all else is blurred', () => {
  const drawn = sharpCrop(512);
  const blurred = createPixels(512, 512, 3, new Float32Array(drawn.data.length));
  for (let c = 0; c < 3; c++) {
    const channel = createPixels(
      512,
      512,
      1,
      Float32Array.from({ length: 512 * 512 }, (_, i) => drawn.data[3 * i + c]!),
    );
    gaussianBlur(channel, 41, 5).data.forEach((value, i) => {
      blurred.data[3 * i + c] = 128 + (value - 128) / 4;
    });
  }
  for (let seed = 0; seed < 8; seed++) {
    const noise = new RandomStream(seed).fillNormal(new Float32Array(512 * 512));
    const noisy = Float32Array.from(blurred.data, (value, i) => value + 9 * noise[Math.floor(i / 3)]!);
    expect(faceSharpness(createPixels(512, 512, 3, noisy)), `seed ${seed}`).toBeLessThan(sharpFrom);
  }
});

it('a flat crop has none', () => {
  expect(faceSharpness(createPixels(64, 64, 3, new Uint8Array(64 * 64 * 3).fill(9)))).toBe(0);
});
