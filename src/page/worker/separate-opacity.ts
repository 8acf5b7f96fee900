import { createPixels } from '../../image/pixels.ts';

/** RGB and opacity apart; there is no opacity where all of it is seen. */
export function separateOpacity(rgba: Uint8ClampedArray | Uint8Array, width: number, height: number) {
  const area = width * height;
  const colors = new Uint8Array(3 * area);
  let opacity: Uint8Array | undefined;
  for (let i = 0; i < area; i++) {
    colors[3 * i] = rgba[4 * i]!;
    colors[3 * i + 1] = rgba[4 * i + 1]!;
    colors[3 * i + 2] = rgba[4 * i + 2]!;
    const seen = rgba[4 * i + 3]!;
    if (seen === 255 && !opacity) continue;
    opacity ??= new Uint8Array(area).fill(255);
    opacity[i] = seen;
  }
  return {
    pixels: createPixels(width, height, 3, colors),
    ...(opacity && { alpha: createPixels(width, height, 1, opacity) }),
  };
}
