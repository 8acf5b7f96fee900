/** Restores faces of a photo, each in its place; everything else of the photo stays as it is. */

import { alignFace, cutFace } from '../face/face-crop.ts';
import { descriptorDistance, type FaceDescriber } from '../face/face-describer.ts';
import type { DetectedFace } from '../face/face-detector.ts';
import { outlineMask } from '../face/face-mask.ts';
import { faceSharpness, sharpFrom } from '../face/sharpness.ts';
import { type AffineMatrix, applyAffine } from '../image/geometry.ts';
import { isGray, toGray, withColorsOf } from '../image/gray.ts';
import { pasteFaces, type RestoredFace } from '../image/paste-back.ts';
import { pixelsToTensor, tensorToPixels } from '../image/pixel-tensor.ts';
import type { Pixels } from '../image/pixels.ts';
import { type ResizeMethod, resizePixels } from '../image/resize.ts';
import { affineScale, composeAffine } from '../image/warp-antialiased.ts';
import type { RestoreOptions, Restorer } from './restorer.ts';

/**
 * - `auto`: faces of a gray photo become gray, others as the model makes them.
 * - `keep`: the model gives the light, the photo the colours.
 * - `gray`: the whole photo becomes gray.
 */
export type PhotoColor = 'auto' | 'keep' | 'gray';

export interface PhotoOptions extends RestoreOptions {
  /** 0 leaves the face as it is, 1 (default) replaces it. */
  readonly strength?: number;
  /** Sides of the result over those of the photo; 1 unless given. */
  readonly upscale?: number;
  /** What enlarges the photo; `lanczos` unless given. */
  readonly background?: ResizeMethod;
  readonly color?: PhotoColor;
  /** Also restore faces that are as sharp as the model's output. */
  readonly force?: boolean;
  /** Measures how far each face is from the person it was. */
  readonly describer?: FaceDescriber;
}

export interface FaceOutcome {
  readonly face: DetectedFace;
  readonly status: 'restored' | 'sharp';
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
 * @throws {RangeError} for a strength outside 0..1, or an upscale below 1
 */
export async function restorePhoto(
  photo: Pixels,
  faces: readonly DetectedFace[],
  restorer: Restorer,
  options: PhotoOptions = {},
): Promise<RestoredPhoto> {
  const { strength = 1, upscale = 1, color = 'auto', background = 'lanczos', force = false } = options;
  if (!(strength >= 0 && strength <= 1))
    throw new RangeError(`Cannot restore with strength ${strength}: it is from 0 to 1`);
  if (!(Number.isInteger(upscale) && upscale >= 1))
    throw new RangeError(`Cannot enlarge a photo ${upscale} times: a whole number from 1 on is needed`);
  const source = color === 'gray' ? toGray(photo) : photo;
  const gray = color !== 'keep' && isGray(source);
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
    if (!force && sharpness >= sharpFrom) {
      outcomes.push({ face, status: 'sharp', sharpness });
      continue;
    }
    const input = pixelsToTensor(crop);
    const output = tensorToPixels(await restorer.restore(input, { ...options, onProgress }));
    const result = gray ? toGray(output) : color === 'keep' ? withColorsOf(output, crop) : output;
    const placing = { crop, result, strength, upscale };
    pasted.push(placeFace(face, affine, placing));
    const identityDistance = options.describer && (await measureIdentity(options.describer, placing));
    outcomes.push({ face, status: 'restored', sharpness, identityDistance });
  }
  const size = { width: photo.width * upscale, height: photo.height * upscale };
  const canvas = upscale === 1 ? source : resizePixels(source, size, background);
  return { pixels: pasteFaces(canvas, pasted, 1), faces: outcomes };
}

interface Placing {
  readonly crop: Pixels;
  readonly result: Pixels;
  readonly strength: number;
  readonly upscale: number;
}

function placeFace(
  face: DetectedFace,
  affine: AffineMatrix,
  { crop, result, strength, upscale }: Placing,
): RestoredFace {
  const outline = face.outline?.map((point) => applyAffine(affine, point));
  // The centre of pixel i of the photo is at upscale·i + (upscale − 1)/2 of the enlarged one.
  const shift = (1 - upscale) / (2 * upscale);
  const placed = composeAffine(affine, [1 / upscale, 0, shift, 0, 1 / upscale, shift]);
  return {
    pixels: result,
    affine: placed,
    mask: outlineMask(outline, result.width),
    strength,
    // Larger than the model's output, the face has detail that the crop has lost.
    original: affineScale(placed) < 1 ? crop : undefined,
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
