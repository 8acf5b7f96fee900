/** What one picture needs: found in it first, restored after that, once for each seed. */

import { alignFace, cutFace, isAlignedFace } from '../face/face-crop.ts';
import { anotherPersonFrom, type FaceDescriber } from '../face/face-describer.ts';
import type { FaceDetector } from '../face/face-detector.ts';
import { type FaceSelection, type SelectedFace, selectFaces } from '../face/select-faces.ts';
import { faceSharpness, sharpFrom } from '../face/sharpness.ts';
import { type Pixels, toBytePixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import type { ImageFile } from '../platform/node/image-file.ts';
import { type FaceOutcome, type PhotoOptions, restorePhoto } from '../restore/restore-photo.ts';
import type { RestoreOptions, Restorer } from '../restore/restorer.ts';
import { type RestoredPicture, restorePicture } from './restore-picture.ts';

export interface ImageSettings {
  /** Every picture is one aligned face: nothing is looked for. */
  readonly aligned: boolean;
  readonly selection: FaceSelection;
  readonly photo: Pick<PhotoOptions, 'strength' | 'upscale' | 'background' | 'color' | 'force'>;
}

/** Loaded when something needs them, and once. */
export interface ImageTools {
  restorer(): Promise<Restorer>;
  detector(): Promise<FaceDetector>;
  /** @param size of the faces */
  describer(size: number): Promise<FaceDescriber>;
}

export interface FaceReport {
  readonly index: number;
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly score: number;
  readonly landmarks: readonly (readonly [number, number])[];
  /** 'sharp': left alone */
  readonly status: FaceOutcome['status'];
  readonly sharpness: number;
  /** of the descriptors before and after: see `anotherPersonFrom` */
  readonly identityDistance: number | null;
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
 * Looks for faces, unless the picture is said to be one.
 * @throws {RangeError} if a face that was asked for is not there
 */
export async function findSubject(
  image: ImageFile,
  { aligned, selection, photo }: ImageSettings,
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
    if (!isSharp && image.pixels.width <= largestAlignedScale * imageSize)
      return { kind: 'aligned', notes: ['taken for an aligned face: all of the picture is restored'] };
  }
  return { kind: 'photo', faces };
}

export async function restoreSubject(
  image: ImageFile,
  subject: Subject,
  { photo }: ImageSettings,
  tools: ImageTools,
  options: RestoreOptions,
): Promise<RestoredImage> {
  if (subject.kind === 'aligned') {
    const restored = await restorePicture(image, await tools.restorer(), { ...photo, ...options });
    return { ...restored, notes: [...subject.notes, ...restored.notes], faces: [], untouched: false };
  }
  const { upscale = 1, background = 'lanczos' } = photo;
  const source = image.deepPixels ?? image.pixels;
  const size = { width: source.width * upscale, height: source.height * upscale };
  const enlarge = (pixels: Pixels): Pixels =>
    upscale === 1 ? pixels : resizePixels(pixels, size, background);
  const frame = {
    input: toBytePixels(enlarge(image.pixels)),
    alpha: image.alpha && toBytePixels(enlarge(image.alpha)),
  };
  if (subject.faces.length === 0 && photo.color !== 'gray') {
    const untouched = upscale === 1;
    return { ...frame, pixels: enlarge(source), faces: [], untouched, notes: ['no face found'] };
  }
  const restorer = await tools.restorer();
  const describer = await tools.describer(restorer.imageSize);
  const { pixels, faces } = await restorePhoto(source, subject.faces, restorer, {
    ...photo,
    ...options,
    describer,
  });
  const reports = faces.map((outcome, i) => reportFace(outcome, subject.faces[i]!.index));
  const untouched =
    upscale === 1 && photo.color !== 'gray' && faces.every(({ status }) => status === 'sharp');
  return { ...frame, pixels, faces: reports, untouched, notes: describeFaces(reports) };
}

function reportFace({ face, status, sharpness, identityDistance }: FaceOutcome, index: number): FaceReport {
  const { box, score, landmarks } = face;
  const { x, y, width, height } = box;
  const tenth = (value: number): number => Math.round(10 * value) / 10;
  return {
    index,
    box: { x: tenth(x), y: tenth(y), width: tenth(width), height: tenth(height) },
    score: thousandth(score),
    landmarks: landmarks.map(([px, py]) => [tenth(px), tenth(py)]),
    status,
    sharpness: thousandth(sharpness),
    identityDistance: identityDistance === undefined ? null : thousandth(identityDistance),
  };
}

function thousandth(value: number): number {
  return Math.round(1000 * value) / 1000;
}

function describeFaces(faces: readonly FaceReport[]): string[] {
  const restored = faces.filter(({ status }) => status === 'restored');
  const notes = [`${count(faces.length)}: ${restored.length} restored`];
  const sharp = faces.length - restored.length;
  if (sharp > 0)
    notes[0] += `, ${sharp} sharp already and left alone (--force restores ${sharp > 1 ? 'them' : 'it'})`;
  for (const { index, box, identityDistance } of restored) {
    const where = `face ${index} (${Math.round(box.width)} x ${Math.round(box.height)} at ${Math.round(box.x)},${Math.round(box.y)})`;
    if (identityDistance === null) continue;
    const changed =
      identityDistance >= anotherPersonFrom
        ? ': the person may have changed; try a lower --strength or another --seed'
        : '';
    notes.push(`${where}: identity distance ${identityDistance.toFixed(2)}${changed}`);
  }
  return notes;
}

function count(faces: number): string {
  return faces === 0 ? 'no face' : faces === 1 ? '1 face' : `${faces} faces`;
}
