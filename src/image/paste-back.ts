/** Puts restored faces back into the photo they were cut from, without a visible seam. */

import { erode } from './erode.ts';
import { gaussianBlur } from './gaussian-blur.ts';
import { type AffineMatrix, applyAffine, invertAffine } from './geometry.ts';
import { cutRegion, positiveArea, regionAround } from './mask-area.ts';
import { createPixels, type FloatPixels, isBytePixels, type Pixels, toFloatPixels } from './pixels.ts';
import { type Region, warpAffine } from './warp-affine.ts';
import { affineScale, warpAntialiased } from './warp-antialiased.ts';

export interface RestoredFace {
  /** The restored crop, 8-bit RGB. */
  readonly pixels: Pixels;
  /** From the photo to the crop, as it was cut out. */
  readonly affine: AffineMatrix;
  /** How much of each pixel is face, 0..1, one channel, as large as the crop; all of it if left out. */
  readonly mask?: FloatPixels;
  /**
   * The crop before it was restored. Where given, the face is the photo plus what restoring changed, so that detail
   * of the photo finer than the crop stays.
   */
  readonly original?: Pixels;
  /** Opacity of the whole, 0..1; 1 unless given. */
  readonly strength?: number;
}

/** Classes of the face-parsing map that keep the photo's own pixels. */
const EXCLUDED_CLASSES: ReadonlySet<number> = new Set([0, 14, 16, 17, 18]);
const PARSING_BLUR = { size: 101, sigma: 11 };
/** Width in pixels of the frame that a parsing mask leaves out at the edges of the crop. */
const PARSING_FRAME = 10;

/**
 * The soft mask of a face-parsing map: face classes blurred twice, fading to 0 outside, 0 along the edges.
 * @param labels class 0..18 of each pixel, row by row
 * @returns one channel, 0..1
 * @throws {RangeError} if the labels do not fill the size
 */
export function parsingMask(labels: Uint8Array, width: number, height: number): FloatPixels {
  const face = Float32Array.from(labels, (label) => (EXCLUDED_CLASSES.has(label) ? 0 : 1));
  const { size, sigma } = PARSING_BLUR;
  const sharp = createPixels(width, height, 1, face);
  const mask = gaussianBlur(gaussianBlur(sharp, size, sigma), size, sigma);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const toEdge = Math.min(x, y, width - 1 - x, height - 1 - y);
      if (toEdge < PARSING_FRAME) mask.data[y * width + x] = 0;
    }
  }
  return mask;
}

/** From a face crop to the photo enlarged by `scale`; whole-pixel centres are kept in place above scale 1. */
export function inverseFaceTransform(affine: AffineMatrix, scale: number): AffineMatrix {
  const [a, b, c, d, e, f] = invertAffine(affine).map((value) => value * scale) as [...AffineMatrix];
  const offset = scale > 1 ? 0.5 * scale : 0;
  return [a, b, c + offset, d, e, f + offset];
}

/**
 * The background with each face blended into its place, under the smaller of its mask and a square whose
 * edges are feathered over a twentieth of the face's side. Bytes are cut, not rounded, to 8 bits; floats stay floats.
 * What the mask leaves out is the background's to the bit.
 * @param background RGB in 0..255, with or without alpha: the photo, enlarged by `scale` already
 * @param scale how much larger the background is than the photo that the faces were cut from
 * @returns a new image; alpha is the background's
 * @throws {RangeError} if an image has the wrong channels, a mask another size than its face, or the scale is
 *   below 1
 */
export function pasteFaces(background: Pixels, faces: readonly RestoredFace[], scale: number): Pixels {
  const canvas = canvasOf(background);
  if (!(scale >= 1)) throw new RangeError(`Cannot paste faces at scale ${scale}: it must be 1 or more`);
  for (const face of faces) pasteFace(canvas, face, scale);
  return canvas;
}

/**
 * A copy of the background that faces can be pasted into.
 * @throws {RangeError} if it has one channel
 */
export function canvasOf(background: Pixels): Pixels {
  if (background.channels === 1)
    throw new RangeError(
      'Cannot paste a face into an image of one channel: repeat it to three channels first',
    );
  // Not `slice`: Node's Buffer shares its memory with what it slices.
  const { data } = background;
  const copy = data instanceof Float32Array ? new Float32Array(data) : new Uint8Array(data);
  return { ...background, data: copy };
}

/** One face of {@link pasteFaces}, into the canvas itself. */
export function pasteFace(photo: Pixels, face: RestoredFace, scale: number): void {
  const { pixels, affine, mask, original, strength = 1 } = face;
  const { width, height } = pixels;
  if (pixels.channels !== 3)
    throw new RangeError(`Cannot paste a face of ${pixels.channels} channels: expected RGB`);
  if (original && (original.width !== width || original.height !== height || original.channels !== 3))
    throw new RangeError(
      `Cannot paste a face of ${width} x ${height} over ${original.width} x ${original.height} with ${original.channels} channels`,
    );
  if (mask && (mask.width !== width || mask.height !== height || mask.channels !== 1))
    throw new RangeError(
      `Cannot paste a face of ${width} x ${height} under a mask of ${mask.width} x ${mask.height} with ${mask.channels} channels`,
    );
  const matrix = inverseFaceTransform(affine, scale);
  const square = reachOf({ x: 0, y: 0, width, height }, matrix, photo);
  // Where the mask is 0 nothing is laid. Small faces are averaged in blocks, which begin where the region does.
  const touched = mask && affineScale(matrix) > 0.5 ? reachOf(positiveArea(mask), matrix, photo) : square;
  if (!square || !touched) return;
  const area = regionAround(touched, 0, square);
  const { cover, opacity } = coverOf(pixels, matrix, square, area, Math.floor(2 * scale));
  const warped = warpAntialiased(pixels, matrix, area, [0, 0, 0]).data;
  const before = original && warpAntialiased(original, matrix, area, [0, 0, 0]).data;
  const masked = mask && warpAntialiased(mask, matrix, area, [0]).data;
  const bytes = isBytePixels(photo);
  for (let i = 0; i < opacity.length; i++) {
    const share = strength * (masked ? Math.min(opacity[i]!, masked[i]!) : opacity[i]!);
    if (share === 0) continue;
    const y = area.y + Math.floor(i / area.width);
    const to = (y * photo.width + area.x + (i % area.width)) * photo.channels;
    for (let channel = 0; channel < 3; channel++) {
      const restored = cover[i]! * warped[i * 3 + channel]!;
      const own = photo.data[to + channel]!;
      const blended = before
        ? clampToRange(own + share * (restored - cover[i]! * before[i * 3 + channel]!))
        : share * restored + (1 - share) * own;
      photo.data[to + channel] = bytes ? Math.floor(blended) : blended;
    }
  }
}

function clampToRange(value: number): number {
  return Math.min(Math.max(value, 0), 255);
}

/**
 * How much of each pixel of `area` the face's square covers, and how opaque it is there: its edges are moved inwards by
 * a tenth of its side, and softened over a twentieth.
 * @param square all that the square reaches; `area` is a part of it
 * @param shrink by how many pixels the warped square's own edge is cut
 */
function coverOf(
  { width, height }: Pixels,
  matrix: AffineMatrix,
  square: Region,
  area: Region,
  shrink: number,
): { cover: Float32Array; opacity: Float32Array } {
  const ones = createPixels(width, height, 1, new Float32Array(width * height).fill(1));
  const whole = erode(toFloatPixels(warpAffine(ones, matrix, square, [0])), shrink);
  let sum = 0;
  for (const value of whole.data) sum += value;
  const edge = Math.floor(Math.sqrt(sum) / 20);
  // What eroding and blurring look at.
  const around = regionAround(area, 2 * edge, square);
  const near = cutRegion(whole, square, around);
  const soft = edge === 0 ? near : gaussianBlur(erode(near, 2 * edge), 2 * edge + 1);
  return { cover: cutRegion(near, around, area).data, opacity: cutRegion(soft, around, area).data };
}

/** The part of the photo that an area of the crop can reach, with a seam of two pixels; none if it lies outside. */
function reachOf(area: Region, matrix: AffineMatrix, photo: Pixels): Region | undefined {
  if (area.width <= 0 || area.height <= 0) return undefined;
  const [right, bottom] = [area.x + area.width, area.y + area.height];
  const corners = [
    applyAffine(matrix, [area.x, area.y]),
    applyAffine(matrix, [right, area.y]),
    applyAffine(matrix, [area.x, bottom]),
    applyAffine(matrix, [right, bottom]),
  ];
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const seam = 2;
  const x = Math.max(0, Math.floor(Math.min(...xs)) - seam);
  const y = Math.max(0, Math.floor(Math.min(...ys)) - seam);
  const width = Math.min(photo.width, Math.ceil(Math.max(...xs)) + seam) - x;
  const height = Math.min(photo.height, Math.ceil(Math.max(...ys)) + seam) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}
