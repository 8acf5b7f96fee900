/** Pictures of one aligned face: which are restored, and what becomes of the others. */
import { beforeAll, expect, it } from 'vitest';
import { drawFaces, renderPixels } from '../../face/drawn-face.test-support.ts';
import { faceSharpness } from '../../face/sharpness.ts';
import { gaussianBlur } from '../../image/gaussian-blur.ts';
import { isGray } from '../../image/gray.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { type BytePixels, createPixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import type { Restorer } from '../restorer.ts';
import { restorePicture } from './restore-picture.ts';
import { inputOfSubject, laySubject, restoreSubject } from './restore-subject.ts';

const side = 128;
let sharp: BytePixels;
beforeAll(async () => {
  const unit = side / 100;
  // As FFHQ has faces: the drawing's eyes are 72 of its 400 pixels apart, an aligned face's 126 of 512.
  const place = { x: -18 * unit, y: -16.5 * unit, size: 136 * unit };
  sharp = await renderPixels(drawFaces(side, side, [place]));
});

const blurred = (face: BytePixels, sigma: number): BytePixels =>
  toBytePixels(gaussianBlur(face, 2 * Math.ceil(3 * sigma) + 1, sigma));

/** A model that softens what it is given, and counts. */
function softening(sigma: number) {
  const restorer: Restorer & { calls: number } = {
    calls: 0,
    imageSize: side,
    device: 'cpu: in a test',
    async restore(lq) {
      restorer.calls++;
      return pixelsToTensor(blurred(tensorToPixels(lq), sigma));
    },
    release: async () => {},
  };
  return restorer;
}

async function restore(pixels: BytePixels, restorer: Restorer, options = {}) {
  const picture = { pixels };
  const subject = { kind: 'aligned', recognised: false } as const;
  const restored = await restoreSubject(picture, subject, { restorer: async () => restorer }, options);
  return { ...(await laySubject(picture, restored, options)), input: inputOfSubject(picture, restored) };
}

it('leaves a sharp face alone, without asking the model', async () => {
  expect(faceSharpness(sharp)).toBeGreaterThan(0.65);
  const model = softening(1);
  const left = await restore(sharp, model);
  expect(left).toMatchObject({ pixels: sharp, input: sharp, untouched: true });
  expect(model.calls).toBe(0);
  const larger = toBytePixels(resizePixels(sharp, { width: 200, height: 160 }, 'bilinear'));
  expect((await restore(larger, model)).pixels).toBe(larger);
});

it('leaves a face alone that would come out less sharp', async () => {
  const good = blurred(sharp, 1);
  expect(faceSharpness(good)).toBeLessThan(0.65);
  expect(faceSharpness(good)).toBeGreaterThan(0.4);
  const model = softening(1);
  expect(await restore(good, model)).toMatchObject({ pixels: good, untouched: true });
  expect(model.calls).toBe(1);
  // Hardly softer is not seen; what is soft already can only gain.
  expect((await restore(good, softening(0.25))).untouched).toBe(false);
  expect((await restore(blurred(sharp, 3), model)).untouched).toBe(false);
});

it('restores a sharp face where that is asked for', async () => {
  const model = softening(1);
  const paint = createPixels(side, side, 1, new Uint8Array(side * side).fill(255));
  for (const options of [{ force: true }, { color: 'colorize' }, { paint }])
    expect((await restore(sharp, model, options)).untouched, JSON.stringify(options).slice(0, 40)).toBe(
      false,
    );
  expect(model.calls).toBe(3);
  expect(faceSharpness(await restorePicture(sharp, model))).toBeLessThan(0.65);
});

it('makes a sharp face gray where all is to be', async () => {
  const { pixels, untouched } = await restore(sharp, softening(1), { color: 'gray' });
  expect([isGray(sharp), isGray(pixels), untouched]).toEqual([false, true, false]);
  expect(faceSharpness(pixels)).toBeGreaterThan(0.65);
});

it('judges a small picture at its own size', async () => {
  const half = toBytePixels(resizePixels(sharp, { width: 48, height: 48 }, 'area'));
  // Enlarged for the model it is soft; what the model gives, shown as small, is less sharp than it is.
  expect((await restore(half, softening(4))).untouched).toBe(true);
  expect((await restore(half, softening(0.25))).untouched).toBe(false);
});
