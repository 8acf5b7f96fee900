/** Which part of an aligned crop is face. */

import { gaussianBlur } from '../image/gaussian-blur.ts';
import type { Point } from '../image/geometry.ts';
import { parsingMask } from '../image/paste-back.ts';
import { createPixels, type FloatPixels, type Pixels, toFloatPixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { parsenetImageSize } from '../models/parsenet/parsenet.ts';
import { convexHull } from './convex-hull.ts';
import type { FaceParser } from './face-parser.ts';

/** Shares of the crop's side. */
const forehead = 0.14;
const growth = 0.02;
const softness = 0.022;
/** The crop's own edge stays the photo's. */
const frame = 0.02;

/** The jaw's points come first, the brows' after them. */
const browsFrom = 17;

/** An upright face's outline in a square of side 1, for detectors that give none. */
const usualOutline: readonly Point[] = Array.from({ length: 32 }, (_, i) => {
  const angle = (2 * Math.PI * i) / 32;
  return [0.5 + 0.27 * Math.cos(angle), 0.54 + 0.34 * Math.sin(angle)];
});

/**
 * A soft mask where no parsing network tells: the hull of the jaw and the brows, raised over the forehead and grown a little, fading to 0 around it.
 * @param outline in pixels of the crop; an upright face's if left out
 * @returns size × size, 0..1
 */
export function outlineMask(outline: readonly Point[] | undefined, size: number): FloatPixels {
  const points = outline
    ? outline.flatMap((point, i): Point[] =>
        i < browsFrom ? [point] : [point, [point[0], point[1] - forehead * size]],
      )
    : usualOutline.map(([x, y]): Point => [x * size, y * size]);
  const hull = growPolygon(convexHull(points), growth * size);
  const filled = fillPolygon(hull, size);
  const edge = Math.ceil(frame * size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      if (Math.min(x, y, size - 1 - x, size - 1 - y) < 2 * edge) filled[y * size + x] = 0;
  const sigma = softness * size;
  const taps = 2 * Math.ceil(2 * sigma) + 1;
  const sharp = createPixels(size, size, 1, filled);
  return withoutTraces(gaussianBlur(gaussianBlur(sharp, taps, sigma), taps, sigma));
}

/**
 * The soft mask of what a parsing network takes for the face, see `parsingMask`.
 * @param face aligned and restored, RGB, square
 * @returns as large as the face, 0..1
 */
export async function parsedMask(parser: FaceParser, face: Pixels): Promise<FloatPixels> {
  const size = parsenetImageSize;
  const mask = parsingMask(await parser.parse(resizeSquare(face, size)), size, size);
  return withoutTraces(toFloatPixels(resizeSquare(mask, face.width)));
}

function resizeSquare(pixels: Pixels, size: number): Pixels {
  if (pixels.width === size) return pixels;
  return resizePixels(pixels, { width: size, height: size }, pixels.width > size ? 'area' : 'bilinear');
}

/** What is nearly nothing is nothing: the photo's pixels stay there to the bit. */
function withoutTraces(mask: FloatPixels): FloatPixels {
  for (let i = 0; i < mask.data.length; i++) if (mask.data[i]! < 1 / 512) mask.data[i] = 0;
  return mask;
}

/** Moves each corner of a convex polygon away from the centre. */
function growPolygon(polygon: readonly Point[], distance: number): Point[] {
  const centre = [0, 1].map((axis) => polygon.reduce((sum, point) => sum + point[axis]!, 0) / polygon.length);
  return polygon.map(([x, y]) => {
    const [dx, dy] = [x - centre[0]!, y - centre[1]!];
    const grown = 1 + distance / Math.max(Math.hypot(dx, dy), 1);
    return [centre[0]! + dx * grown, centre[1]! + dy * grown];
  });
}

/** 1 where a pixel's centre lies inside a convex polygon, else 0. */
function fillPolygon(polygon: readonly Point[], size: number): Float32Array {
  const filled = new Float32Array(size * size);
  for (let y = 0; y < size; y++) {
    const crossings = polygon.flatMap(([x0, y0], i) => {
      const [x1, y1] = polygon[(i + 1) % polygon.length]!;
      return y0 <= y !== y1 <= y ? [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)] : [];
    });
    if (crossings.length < 2) continue;
    const from = Math.max(0, Math.ceil(Math.min(...crossings)));
    const to = Math.min(size - 1, Math.floor(Math.max(...crossings)));
    if (from <= to) filled.fill(1, y * size + from, y * size + to + 1);
  }
  return filled;
}
