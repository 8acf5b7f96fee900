import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPixels } from '../../../image/pixels.ts';
import { faceresInput, faceresModel } from '../../../models/faceres/faceres.ts';
import { withSession } from '../../../runtime/runtime.ts';
import { hostTensor } from '../../../tensor/host-tensor.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { loadIdentityNetwork } from './identity-network.ts';

/** A pattern of waves, 127.5 + 127.5 sin(((c + 1)x + 2y) / 17). */
const wave = (x: number, y: number, c: number): number =>
  127.5 + 127.5 * Math.sin((x * (c + 1) + 2 * y) / 17);

describe('the network that judges identity', () => {
  it("gives what the package's own TensorFlow.js gives", async () => {
    const main = createRequire(import.meta.url).resolve('@vladmandic/human');
    const file = (name: string) => readFile(path.join(path.dirname(main), '../models', name));
    const model = faceresModel(
      JSON.parse((await file('faceres.json')).toString()),
      await file('faceres.bin'),
    );
    const image = hostTensor([1, 224, 224, 3]);
    for (let i = 0; i < image.data.length; i++)
      image.data[i] = wave(Math.floor(i / 3) % 224, Math.floor(i / 672), i % 3);
    const { descriptor } = await withSession(await createNodeRuntime(), model, (session) =>
      session.run({ image }),
    );
    expect(descriptor!.shape).toEqual([1, 1024]);
    const { data } = descriptor!;
    // TensorFlow.js 4.22 on its cpu backend; float32 sums in another order differ by a few 1e-6.
    const expected = { 7: 1.4860542, 160: 3.8854167, 198: 4.3248539, 495: 2.9912398, 584: 3.9540076 };
    for (const [index, value] of Object.entries(expected)) expect(data[Number(index)]).toBeCloseTo(value, 4);
    expect(Math.hypot(...data)).toBeCloseTo(8.5912145, 4);
  });

  it('describes the part of a face from hairline to chin, whatever its size', async () => {
    const face = (size: number) => {
      const data = Uint8Array.from({ length: size * size * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3);
        const scale = 512 / size;
        return wave(((pixel % size) + 0.5) * scale, (Math.floor(pixel / size) + 0.5) * scale, i % 3);
      });
      return createPixels(size, size, 3, data);
    };
    const large = faceresInput(face(512));
    // The centre of the first of 224 pixels. The wave rises by 17 levels a pixel there: half a pixel off would be 8.
    // Cubic interpolation with a = -0.75 does not follow slopes exactly.
    expect(Math.abs(large.data[0]! - wave(96 + 320 / 448, 110 + 320 / 448, 0))).toBeLessThan(3);
    const network = await loadIdentityNetwork(await createNodeRuntime());
    const [a, b] = [await network.describe(face(512)), await network.describe(face(256))];
    await network.release();
    const cosine = a.reduce((sum, x, i) => sum + x * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
    expect(cosine).toBeGreaterThan(0.99);
  });

  it('refuses what is no aligned face', () => {
    const wide = createPixels(4, 2, 3, new Uint8Array(24));
    expect(() => faceresInput(wide)).toThrow('Cannot describe a picture of 4 x 2 x 3');
  });
});
