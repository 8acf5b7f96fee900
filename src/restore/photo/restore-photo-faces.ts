/** Restores faces of a photo, each as a crop of its own; `layFaces` puts them back. */

import { alignFace, cutFace, cutMask } from '../../face/face-crop.ts';
import { descriptorDistance, type FaceDescriber } from '../../face/face-describer.ts';
import type { DetectedFace } from '../../face/face-detector.ts';
import { outlineMask, parsedMask } from '../../face/face-mask.ts';
import type { FaceParser } from '../../face/face-parser.ts';
import { faceSharpness } from '../../face/sharpness.ts';
import { type AffineMatrix, applyAffine } from '../../image/geometry.ts';
import { toGray } from '../../image/gray.ts';
import { hasPaint, paintOpacity } from '../../image/paint.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import type { BytePixels, FloatPixels, Pixels } from '../../image/pixels.ts';
import { affineScale } from '../../image/warp-antialiased.ts';
import { nextTurn } from '../../runtime/next-turn.ts';
import type { RestoreOptions, Restorer } from '../restorer.ts';
import { isSharpAlready, losesSharpness } from './left-alone.ts';
import { checkPhotoOptions, type FaceOptions, type PhotoColor } from './photo-options.ts';
import { atStrength, inColors, restoreCrop, staysGray } from './restore-crop.ts';

export interface FaceOutcome {
  readonly face: DetectedFace;
  /** 'sharp' and 'unpainted' ones were left alone; sharp ones are as sharp as what the model makes of them */
  readonly status: 'restored' | 'sharp' | 'unpainted';
  /** see `faceSharpness` */
  readonly sharpness: number;
  /** Distance of the descriptors before and after; absent if it was not measured. */
  readonly identityDistance?: number;
}

/** A face of a photo, before and after. */
export interface PhotoFace extends FaceOutcome {
  /** from the photo to the crop */
  readonly affine: AffineMatrix;
  /** the face as it was, aligned, as large as the model's images; gray where the photo was to become so */
  readonly crop: Pixels;
  /** absent unless its status is 'restored' */
  readonly restored?: RestoredCrop;
}

export interface RestoredCrop {
  /** as the model made it */
  readonly output: BytePixels;
  /** in the colours that were asked for: the face after, to be shown beside `crop` */
  readonly result: Pixels;
  /** as large as the crop, 0..1: where it replaces what was there */
  readonly mask: FloatPixels;
  /** Under the mask the crop shows paint, no detail to keep. */
  readonly filled: boolean;
  readonly color: PhotoColor;
}

export interface RestoreFacesOptions extends FaceOptions {
  /** Told of each face as soon as it is done, with its place among the faces. */
  readonly onFace?: (face: PhotoFace, index: number) => void;
}

/**
 * The part of a restoration that takes time. Faces come in the order they are given in; leaving some out when they are
 * laid, or laying them otherwise, takes no further restoring.
 * @param photo RGB
 * @param options `upscale` decides which faces would lose sharpness, `strength` is what identity is measured at
 * @throws {RangeError} as `restorePhoto`; the signal's reason
 */
export async function restorePhotoFaces(
  photo: Pixels,
  faces: readonly DetectedFace[],
  restorer: Restorer,
  { onFace, ...options }: RestoreFacesOptions = {},
): Promise<PhotoFace[]> {
  checkPhotoOptions(photo, options);
  const { color = 'auto' } = options;
  const source = color === 'gray' ? toGray(photo) : photo;
  const gray = staysGray(source, color);
  const cutNext = async (face: DetectedFace): Promise<CutFace> =>
    cutOf(source, face, restorer.imageSize, options.paint);
  const done: PhotoFace[] = [];
  let last: Promise<void> = Promise.resolve();
  let next = faces[0] && cutNext(faces[0]);
  for (const index of faces.keys()) {
    const onProgress: RestoreOptions['onProgress'] = (progress) =>
      options.onProgress?.({
        ...progress,
        label: faces.length > 1 ? `face ${index + 1} of ${faces.length}, ${progress.label}` : progress.label,
        fraction: (index + progress.fraction) / faces.length,
      });
    const restoring = restoreCut(await next!, gray, restorer, { ...options, color, onProgress });
    // While networks are busy with this face, the next one is cut, and the one before finished.
    const following = faces[index + 1];
    next = following && cutNext(following);
    next?.catch(() => {}); // told when its turn comes
    const finish = await restoring;
    last = Promise.all([later(finish), last]).then(([restored]) => {
      done.push(restored);
      onFace?.(restored, index);
    });
    last.catch(() => {}); // told at the end
  }
  await last;
  return done;
}

/** Does something once networks that are asked for in this turn have been. */
async function later<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  await nextTurn();
  return work();
}

/** A face as it is, cut out. */
interface CutFace extends Pick<PhotoFace, 'face' | 'affine' | 'crop' | 'sharpness'> {
  readonly paint: Pixels | undefined;
}

function cutOf(photo: Pixels, face: DetectedFace, size: number, paint: FaceOptions['paint']): CutFace {
  const affine = alignFace(face.landmarks, size);
  const crop = cutFace(photo, affine, size);
  const cutPaint = paint && cutMask(paint, affine, size);
  return { face, affine, crop, sharpness: faceSharpness(crop), paint: cutPaint };
}

/** @returns what finds out the rest about the face, which takes other networks */
async function restoreCut(
  { paint, ...cut }: CutFace,
  gray: boolean,
  restorer: Restorer,
  { paint: _, ...options }: FaceOptions & { readonly color: PhotoColor },
): Promise<() => PhotoFace | Promise<PhotoFace>> {
  const { strength = 1, upscale = 1, color, force = false, parser, describer, ...asked } = options;
  const { face, affine, crop } = cut;
  if (paint && !hasPaint(paint)) return () => ({ ...cut, status: 'unpainted' });
  const mayStay = !force && !paint && color !== 'colorize';
  if (mayStay && isSharpAlready(cut.sharpness)) return () => ({ ...cut, status: 'sharp' });
  const output = tensorToPixels(await restoreCrop(crop, restorer, { ...asked, color, paint }));
  const result = inColors(output, crop, color, gray);
  if (mayStay && losesWhereSmaller(crop, result, affineScale(affine) / upscale))
    return () => ({ ...cut, status: 'sharp' });
  return async () => {
    const mask = paint ? paintOpacity(paint) : await maskOf(face, affine, result, parser);
    const measure = paint ? undefined : await describer;
    const identityDistance = measure && (await identityDistanceOf(crop, result, measure, strength));
    const restored = { output, result, mask, filled: paint !== undefined, color };
    return { ...cut, status: 'restored', identityDistance, restored };
  };
}

/**
 * Of a face that is shown smaller than the model's output; a larger one keeps its own detail.
 * @param scale the model's pixels over those of the result
 */
function losesWhereSmaller(crop: Pixels, result: Pixels, scale: number): boolean {
  return scale > 1 && losesSharpness(crop, result, Math.max(1, Math.round(crop.width / scale)));
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

/**
 * The distance of two crops' descriptors, the second one at its strength over the first: from `anotherPersonFrom` on
 * they are taken for two people.
 */
export async function identityDistanceOf(
  crop: Pixels,
  result: Pixels,
  describer: FaceDescriber,
  strength = 1,
): Promise<number> {
  const before = pixelsToTensor(crop);
  const after = atStrength(before, pixelsToTensor(result), strength);
  return descriptorDistance(await describer.describe(before), await describer.describe(after));
}
