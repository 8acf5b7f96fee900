/** Photos without colour, and faces that must fit into them. */

import { isBytePixels, type Pixels, toBytes } from './pixels.ts';

/** Conversions between colour spaces may leave channels this far apart, of 255. */
const largestSpread = 2;

/** Whether no pixel has a colour. */
export function isGray({ data, channels }: Pixels): boolean {
  if (channels === 1) return true;
  for (let i = 0; i < data.length; i += channels) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > largestSpread) return false;
  }
  return true;
}

const luma = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

/** The image with every pixel's luma (BT.601) in all three channels. */
export function toGray(pixels: Pixels): Pixels {
  return mapPixels(pixels, pixels, (r, g, b) => {
    const y = luma(r, g, b);
    return [y, y, y];
  });
}

/**
 * The light of one image with the colours of another: its pixels, all channels shifted by the difference in luma.
 * @param colors of the same size
 */
export function withColorsOf(pixels: Pixels, colors: Pixels): Pixels {
  return mapPixels(pixels, colors, (r, g, b, ownR, ownG, ownB) => {
    const shift = luma(r, g, b) - luma(ownR, ownG, ownB);
    return [ownR + shift, ownG + shift, ownB + shift];
  });
}

function mapPixels(
  a: Pixels,
  b: Pixels,
  map: (...channels: [number, number, number, number, number, number]) => [number, number, number],
): Pixels {
  const data = new Float32Array(a.data.length);
  for (let i = 0; i < data.length; i += 3)
    data.set(map(a.data[i]!, a.data[i + 1]!, a.data[i + 2]!, b.data[i]!, b.data[i + 1]!, b.data[i + 2]!), i);
  return { ...a, data: isBytePixels(a) ? toBytes(data) : data };
}
