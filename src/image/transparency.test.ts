import { describe, expect, it } from 'vitest';
import { createPixels } from './pixels.ts';
import { layOnWhite, resizeTransparent, whitenUnseen } from './transparency.ts';

const pixels = createPixels(3, 1, 3, Uint8Array.of(200, 100, 0, 200, 100, 0, 9, 8, 7));
const alpha = createPixels(3, 1, 1, Uint8Array.of(255, 51, 0));

describe('transparency', () => {
  it('is laid on white as viewers lay it', () => {
    expect([...layOnWhite({ pixels, alpha }).data]).toEqual([200, 100, 0, 244, 224, 204, 255, 255, 255]);
    expect(layOnWhite({ pixels })).toBe(pixels);
  });

  it('shows networks white where nothing is seen, and the colours elsewhere', () => {
    expect([...whitenUnseen(pixels, alpha).data]).toEqual([200, 100, 0, 200, 100, 0, 255, 255, 255]);
    expect(whitenUnseen(pixels, undefined)).toBe(pixels);
  });

  it.each(['lanczos', 'bilinear'] as const)(
    'resized by %s takes no colour from what is not seen',
    (method) => {
      // Red on the left; black that nobody sees on the right.
      const data = new Uint8Array(8 * 8 * 3);
      const opacity = new Uint8Array(64);
      for (let i = 0; i < 64; i++)
        if (i % 8 < 4) {
          data[3 * i] = 200;
          opacity[i] = 255;
        }
      const picture = { pixels: createPixels(8, 8, 3, data), alpha: createPixels(8, 8, 1, opacity) };
      const result = resizeTransparent(picture, { width: 16, height: 16 }, method);
      let seen = 0;
      for (let i = 0; i < 256; i++)
        // Rounding of the light weighs more the less is seen.
        if (result.alpha!.data[i]! > 16) {
          seen++;
          expect(Math.abs(result.pixels.data[3 * i]! - 200), `${i}`).toBeLessThanOrEqual(2);
        }
      expect(seen).toBeGreaterThan(16 * 8);
      // Plain resizing darkens the edge.
      expect(result.pixels.data[3 * 15]).toBe(0);
    },
  );
});
