/** What one picture needs: found in it first, restored after that, once for each seed. */

import { alignFace, cutFace, isAlignedFace } from '../../face/face-crop.ts';
import type { FaceDescriber } from '../../face/face-describer.ts';
import type { FaceDetector } from '../../face/face-detector.ts';
import type { FaceParser } from '../../face/face-parser.ts';
import { type FaceSelection, type SelectedFace, selectFaces } from '../../face/select-faces.ts';
import { faceSharpness, sharpFrom } from '../../face/sharpness.ts';
import { hasPaint, paintOfMask, whitePaint } from '../../image/paint.ts';
import { type BytePixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { type ImageFile, readImageFile } from '../../platform/node/picture/image-file.ts';
import { type Enlarge, type PhotoOptions, restorePhoto } from '../../restore/restore-photo.ts';
import type { RestoreOptions, Restorer } from '../../restore/restorer.ts';
import type { Upscaler } from '../../restore/upscaler.ts';
import { describeFaces, type FaceReport, reportFace } from './face-report.ts';
import { type RestoredPicture, restorePicture } from './restore-picture.ts';

export interface ImageSettings {
  /** Every picture is one aligned face: nothing is looked for. */
  readonly aligned: boolean;
  readonly selection: FaceSelection;
  readonly photo: Pick<PhotoOptions, 'strength' | 'upscale' | 'color' | 'force'> & {
    /** where no network enlarges */
    readonly background?: 'lanczos' | 'bilinear';
  };
  /** Fill in what is white, in the picture or in a mask. */
  readonly inpaint?: { readonly mask?: string };
}

/** Loaded when something needs them, and once. */
export interface ImageTools {
  restorer(): Promise<Restorer>;
  detector(): Promise<FaceDetector>;
  /** @param size of the faces */
  describer(size: number): Promise<FaceDescriber>;
  /** undefined where none is asked for */
  parser(): Promise<FaceParser | undefined>;
  upscaler(): Promise<Upscaler | undefined>;
}

/** What all results of a picture are made with. */
export interface ImageOptions extends RestoreOptions {
  /** what is to be filled in */
  readonly paint?: BytePixels;
  /** instead of plain resizing */
  readonly enlarge?: Enlarge;
}

/** What a picture shows. */
export type Subject =
  | { readonly kind: 'aligned'; readonly notes: readonly string[] }
  | { readonly kind: 'photo'; readonly faces: readonly SelectedFace[] };

export interface RestoredImage extends Omit<RestoredPicture, 'pixels'> {
  readonly pixels: Pixels;
  readonly faces: readonly FaceReport[];
  /** The picture itself: there was nothing to restore. */
  readonly untouched: boolean;
}

/** Above this many pixels of the model's an aligned face is a photo too: it would lose detail otherwise. */
const largestAlignedScale = 1.25;

/**
 * What is to be filled in, if anything is.
 * @throws {RangeError} if nothing is painted, or the mask has another size
 */
export async function readPaint(
  { pixels, alpha }: ImageFile,
  inpaint: ImageSettings['inpaint'],
): Promise<BytePixels | undefined> {
  if (!inpaint) return undefined;
  const { mask } = inpaint;
  if (mask === undefined) {
    const paint = whitePaint(pixels, alpha);
    if (hasPaint(paint)) return paint;
    throw new RangeError(
      'nothing in it is exactly white. Paint white, with a hard brush, over what is to be filled in and save it as PNG, or give --mask',
    );
  }
  const { pixels: picture, alpha: opacity } = await readImageFile(mask);
  if (picture.width !== pixels.width || picture.height !== pixels.height)
    throw new RangeError(
      `its ${pixels.width} x ${pixels.height} pixels do not fit the ${picture.width} x ${picture.height} of the mask ${mask}`,
    );
  const paint = paintOfMask(picture, opacity);
  if (hasPaint(paint)) return paint;
  throw new RangeError(`nothing in the mask ${mask} is white`);
}

/**
 * Looks for faces, unless the picture is said to be one.
 * @throws {RangeError} if a face that was asked for is not there
 */
export async function findSubject(
  image: ImageFile,
  { aligned, selection, photo, inpaint }: ImageSettings,
  tools: ImageTools,
  options: Pick<FaceSelection, 'signal' | 'onProgress'>,
): Promise<Subject> {
  if (aligned) return { kind: 'aligned', notes: [] };
  const faces = await selectFaces(image.pixels, await tools.detector(), { ...selection, ...options });
  const chosenByHand = selection.boxes !== undefined || selection.indices !== undefined;
  const [first] = faces;
  if (first && !chosenByHand && (photo.upscale ?? 1) === 1 && isAlignedFace(image.pixels, first.landmarks)) {
    const { imageSize } = await tools.restorer();
    const crop = cutFace(image.pixels, alignFace(first.landmarks, imageSize), imageSize);
    const isSharp = !photo.force && faceSharpness(crop) >= sharpFrom;
    const { width, height } = image.pixels;
    // What is filled in must not change the size of the rest.
    const fits = inpaint
      ? width === imageSize && height === imageSize
      : width <= largestAlignedScale * imageSize;
    if (!isSharp && fits)
      return {
        kind: 'aligned',
        notes: [`taken for an aligned face${inpaint ? '' : ': all of the picture is restored'}`],
      };
  }
  return { kind: 'photo', faces };
}

export async function restoreSubject(
  image: ImageFile,
  subject: Subject,
  { photo }: ImageSettings,
  tools: ImageTools,
  { enlarge, paint, ...options }: ImageOptions,
): Promise<RestoredImage> {
  if (subject.kind === 'aligned') {
    const restored = await restorePicture(image, await tools.restorer(), { ...photo, ...options, paint });
    return { ...restored, notes: [...subject.notes, ...restored.notes], faces: [], untouched: false };
  }
  const { upscale = 1, background = 'lanczos', color } = photo;
  const source = image.deepPixels ?? image.pixels;
  const size = { width: source.width * upscale, height: source.height * upscale };
  const resize = (pixels: Pixels): Pixels =>
    upscale === 1 ? pixels : resizePixels(pixels, size, background);
  const frame = {
    input: toBytePixels(resize(image.pixels)),
    alpha: image.alpha && toBytePixels(resize(image.alpha)),
  };
  if (subject.faces.length === 0 && color !== 'gray') {
    const pixels = enlarge && upscale > 1 ? await enlarge(source) : resize(source);
    const notes = [
      paint ? 'no face found to fill in; draw a --box around it, or say --aligned' : 'no face found',
    ];
    return { ...frame, pixels, faces: [], untouched: upscale === 1, notes };
  }
  const restorer = await tools.restorer();
  const { pixels, faces } = await restorePhoto(source, subject.faces, restorer, {
    ...photo,
    ...options,
    paint,
    background: enlarge ?? background,
    parser: await tools.parser(),
    describer: paint ? undefined : await tools.describer(restorer.imageSize),
  });
  const reports = faces.map((outcome, i) => reportFace(outcome, subject.faces[i]!.index));
  const untouched = upscale === 1 && color !== 'gray' && faces.every(({ status }) => status !== 'restored');
  const notes = describeFaces(reports);
  if (paint) notes.push(...describeUnfilled(paint, subject.faces));
  return { ...frame, pixels, faces: reports, untouched, notes };
}

const cropSize = 512;

/** Paint that no face's crop reaches stays in the photo. */
function describeUnfilled(paint: BytePixels, faces: readonly SelectedFace[]): string[] {
  const crops = faces.map(({ landmarks }) => alignFace(landmarks, cropSize));
  let painted = 0;
  let outside = 0;
  for (let i = 0; i < paint.data.length; i++) {
    if (paint.data[i] === 0) continue;
    painted++;
    const [x, y] = [i % paint.width, Math.floor(i / paint.width)];
    const isInside = crops.some(([a, b, c, d, e, f]) => {
      const [u, v] = [a * x + b * y + c, d * x + e * y + f];
      return Math.min(u, v) >= 0 && Math.max(u, v) <= cropSize;
    });
    if (!isInside) outside++;
  }
  const percent = Math.round((100 * outside) / painted);
  return percent === 0 ? [] : [`${percent} % of what is painted is not near a face and stays as it is`];
}
