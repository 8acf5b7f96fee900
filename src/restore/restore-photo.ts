/** Restores faces of a photo, each in its place; everything else of the photo stays as it is. */

import { alignFace, cutFace, cutMask } from '../face/face-crop.ts';
import { descriptorDistance, type FaceDescriber } from '../face/face-describer.ts';
import type { DetectedFace } from '../face/face-detector.ts';
import { outlineMask, parsedMask } from '../face/face-mask.ts';
import type { FaceParser } from '../face/face-parser.ts';
import { faceSharpness, sharpFrom } from '../face/sharpness.ts';
import { type AffineMatrix, applyAffine } from '../image/geometry.ts';
import { isGray, toGray, withColorsOf } from '../image/gray.ts';
import { hasPaint, paintOpacity, paintWhite } from '../image/paint.ts';
import { pasteFaces, type RestoredFace } from '../image/paste-back.ts';
import { pixelsToTensor, tensorToPixels } from '../image/pixel-tensor.ts';
import type { FloatPixels, Pixels } from '../image/pixels.ts';
import { type ResizeMethod, resizePixels } from '../image/resize.ts';
import { affineScale, composeAffine } from '../image/warp-antialiased.ts';
import type { RestoreOptions, Restorer } from './restorer.ts';

/**
 * - `auto`: faces of a gray photo become gray, others as the model makes them.
 * - `keep`: the model gives the light, the photo the colours.
 * - `gray`: the whole photo becomes gray.
 * - `colorize`: the model sees every face without colour, sharp ones too, and gives its own; for colorization weights.
 */
export type PhotoColor = 'auto' | 'keep' | 'gray' | 'colorize';

/** Makes a photo larger. */
export type Enlarge = (photo: Pixels) => Promise<Pixels>;

export interface PhotoOptions extends RestoreOptions {
  /** 0 leaves the face as it is, 1 (default) replaces it. */
  readonly strength?: number;
  /** Sides of the result over those of the photo; 1 unless given. */
  readonly upscale?: number;
  /** What enlarges the photo; `lanczos` unless given. */
  readonly background?: ResizeMethod | Enlarge;
  readonly color?: PhotoColor;
  /** Also restore faces that are as sharp as the model's output, or as what it makes of them. */
  readonly force?: boolean;
  /** Tells which part of a face is pasted; a mask drawn around the landmarks unless given. */
  readonly parser?: FaceParser;
  /**
   * One channel, as large as the photo, above 0 where it is to be filled in: the model sees white there, and nothing
   * else of a face is replaced. For inpainting weights.
   */
  readonly paint?: Pixels;
  /** Measures how far each face is from the person it was; not where it is filled in. */
  readonly describer?: FaceDescriber;
}

export interface FaceOutcome {
  readonly face: DetectedFace;
  /** 'sharp' and 'unpainted' ones were left alone; sharp ones are as sharp as what the model makes of them */
  readonly status: 'restored' | 'sharp' | 'unpainted';
  /** see `faceSharpness` */
  readonly sharpness: number;
  /** Distance of the descriptors before and after; absent if it was not measured. */
  readonly identityDistance?: number;
}

export interface RestoredPhoto {
  /** as large as the photo times `upscale`, of its kind of data */
  readonly pixels: Pixels;
  readonly faces: readonly FaceOutcome[];
}

/**
 * @param photo RGB
 * @returns pixels that are the (enlarged) photo's to the bit wherever no restored face's mask reaches
 * @throws {RangeError} for a strength outside 0..1, an upscale below 1, or paint or a background of another size
 */
export async function restorePhoto(
  photo: Pixels,
  faces: readonly DetectedFace[],
  restorer: Restorer,
  options: PhotoOptions = {},
): Promise<RestoredPhoto> {
  const { strength = 1, upscale = 1, color = 'auto', force = false, paint, parser } = options;
  checkOptions(photo, { strength, upscale, paint });
  const source = color === 'gray' ? toGray(photo) : photo;
  const colored = color === 'keep' || color === 'colorize';
  const gray = !colored && isGray(source);
  const pasted: RestoredFace[] = [];
  const outcomes: FaceOutcome[] = [];
  for (const [index, face] of faces.entries()) {
    const onProgress: RestoreOptions['onProgress'] = (progress) =>
      options.onProgress?.({
        ...progress,
        label: faces.length > 1 ? `face ${index + 1} of ${faces.length}, ${progress.label}` : progress.label,
        fraction: (index + progress.fraction) / faces.length,
      });
    const affine = alignFace(face.landmarks, restorer.imageSize);
    const crop = cutFace(source, affine, restorer.imageSize);
    const sharpness = faceSharpness(crop);
    const cutPaint = paint && cutMask(paint, affine, restorer.imageSize);
    if (cutPaint && !hasPaint(cutPaint)) {
      outcomes.push({ face, status: 'unpainted', sharpness });
      continue;
    }
    const mayStay = !force && !cutPaint && color !== 'colorize';
    if (mayStay && sharpness >= sharpFrom) {
      outcomes.push({ face, status: 'sharp', sharpness });
      continue;
    }
    const shown = cutPaint ? paintWhite(crop, cutPaint) : color === 'colorize' ? toGray(crop) : crop;
    const input = pixelsToTensor(shown);
    const output = tensorToPixels(await restorer.restore(input, { ...options, onProgress }));
    const result = gray ? toGray(output) : color === 'keep' ? withColorsOf(output, crop) : output;
    if (mayStay && losesSharpness(crop, result, affineScale(affine) / upscale)) {
      outcomes.push({ face, status: 'sharp', sharpness });
      continue;
    }
    const mask = cutPaint ? paintOpacity(cutPaint) : await maskOf(face, affine, result, parser);
    const placing = { crop, result, mask, strength, upscale, filled: cutPaint !== undefined };
    pasted.push(placeFace(affine, placing));
    const describer = cutPaint ? undefined : options.describer;
    const identityDistance = describer && (await measureIdentity(describer, placing));
    outcomes.push({ face, status: 'restored', sharpness, identityDistance });
  }
  return { pixels: pasteFaces(await enlarged(source, options), pasted, 1), faces: outcomes };
}

function checkOptions(
  photo: Pixels,
  { strength, upscale, paint }: { strength: number; upscale: number; paint: Pixels | undefined },
): void {
  if (!(strength >= 0 && strength <= 1))
    throw new RangeError(`Cannot restore with strength ${strength}: it is from 0 to 1`);
  if (!(Number.isInteger(upscale) && upscale >= 1))
    throw new RangeError(`Cannot enlarge a photo ${upscale} times: a whole number from 1 on is needed`);
  if (paint && (paint.channels !== 1 || paint.width !== photo.width || paint.height !== photo.height))
    throw new RangeError(
      `Cannot fill in a photo of ${photo.width} x ${photo.height} by paint of ${paint.width} x ${paint.height} with ${paint.channels} channels`,
    );
}

async function enlarged(
  source: Pixels,
  { upscale = 1, background = 'lanczos' }: PhotoOptions,
): Promise<Pixels> {
  if (upscale === 1) return source;
  const size = { width: source.width * upscale, height: source.height * upscale };
  if (typeof background !== 'function') return resizePixels(source, size, background);
  const canvas = await background(source);
  if (canvas.width !== size.width || canvas.height !== size.height)
    throw new RangeError(
      `Cannot enlarge a photo ${upscale} times by what makes ${canvas.width} x ${canvas.height} of its ${source.width} x ${source.height} pixels`,
    );
  return canvas;
}

/** A loss of a tenth is not seen, nor any loss of a face that is soft anyway. */
const keptSharpness = 0.9;
const softBelow = 0.4;

/**
 * Whether a face that is shown smaller than the model's output would be less sharp than it is. A larger one keeps its
 * own detail.
 * @param scale the model's pixels over those of the result
 */
function losesSharpness(crop: Pixels, result: Pixels, scale: number): boolean {
  if (scale <= 1) return false;
  const side = Math.max(1, Math.round(crop.width / scale));
  const shown = (face: Pixels): number =>
    faceSharpness(resizePixels(face, { width: side, height: side }, 'area'));
  const before = shown(crop);
  return before >= softBelow && shown(result) < keptSharpness * before;
}

function maskOf(
  { outline }: DetectedFace,
  affine: AffineMatrix,
  result: Pixels,
  parser: FaceParser | undefined,
): FloatPixels | Promise<FloatPixels> {
  if (parser) return parsedMask(parser, result);
  return outlineMask(
    outline?.map((point) => applyAffine(affine, point)),
    result.width,
  );
}

interface Placing {
  readonly crop: Pixels;
  readonly result: Pixels;
  readonly mask: FloatPixels;
  readonly strength: number;
  readonly upscale: number;
  /** Under the mask the crop shows paint, no detail to keep. */
  readonly filled: boolean;
}

function placeFace(
  affine: AffineMatrix,
  { crop, result, mask, strength, upscale, filled }: Placing,
): RestoredFace {
  // The centre of pixel i of the photo is at upscale·i + (upscale − 1)/2 of the enlarged one.
  const shift = (1 - upscale) / (2 * upscale);
  const placed = composeAffine(affine, [1 / upscale, 0, shift, 0, 1 / upscale, shift]);
  return {
    pixels: result,
    affine: placed,
    mask,
    strength,
    // Larger than the model's output, the face has detail that the crop has lost.
    original: affineScale(placed) < 1 && !filled ? crop : undefined,
  };
}

/** The distance of two crops' descriptors, the second one at its strength over the first. */
async function measureIdentity(
  describer: FaceDescriber,
  { crop, result, strength }: Placing,
): Promise<number> {
  const before = pixelsToTensor(crop);
  const after = pixelsToTensor(result);
  for (let i = 0; i < after.data.length; i++)
    after.data[i] = before.data[i]! + strength * (after.data[i]! - before.data[i]!);
  return descriptorDistance(await describer.describe(before), await describer.describe(after));
}
