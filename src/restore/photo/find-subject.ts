/** What a picture shows: one aligned face, restored as a whole, or a photo with faces in it. */

import { alignFace, cutFace, isAlignedFace } from '../../face/face-crop.ts';
import type { FaceDescriber } from '../../face/face-describer.ts';
import type { FaceDetector } from '../../face/face-detector.ts';
import type { FaceParser } from '../../face/face-parser.ts';
import { type FaceSelection, type SelectedFace, selectFaces } from '../../face/select-faces.ts';
import { faceSharpness, sharpFrom } from '../../face/sharpness.ts';
import type { BytePixels } from '../../image/pixels.ts';
import type { Restorer } from '../restorer.ts';
import type { FaceOptions } from './photo-options.ts';

/** Networks, each loaded when something needs it, and once. */
export interface PhotoTools {
  restorer(): Promise<Restorer>;
  detector(): Promise<FaceDetector>;
  /**
   * Without one, identity is not measured.
   * @param size of the faces
   */
  describer?(size: number): Promise<FaceDescriber | undefined>;
  /** Without one, masks are drawn around the landmarks. */
  parser?(): Promise<FaceParser | undefined>;
}

export type Subject =
  /** `recognised` by its landmarks, not said to be one */
  | { readonly kind: 'aligned'; readonly recognised: boolean }
  | { readonly kind: 'photo'; readonly faces: readonly SelectedFace[] };

export interface SubjectOptions extends FaceSelection, Pick<FaceOptions, 'upscale' | 'force' | 'paint'> {
  /** The picture is said to be one aligned face: nothing is looked for. */
  readonly aligned?: boolean;
}

/** Above this many pixels of the model's an aligned face is a photo too: it would lose detail otherwise. */
const largestAlignedScale = 1.25;

/**
 * Looks for faces, unless the picture is said to be one.
 * @param picture RGB
 * @throws {RangeError} if a face that was asked for is not there; the signal's reason
 */
export async function findSubject(
  picture: BytePixels,
  tools: Pick<PhotoTools, 'detector' | 'restorer'>,
  { aligned = false, upscale = 1, force = false, paint, ...selection }: SubjectOptions = {},
): Promise<Subject> {
  if (aligned) return { kind: 'aligned', recognised: false };
  const faces = await selectFaces(picture, await tools.detector(), selection);
  const chosenByHand = selection.boxes !== undefined || selection.indices !== undefined;
  const [first] = faces;
  if (first && !chosenByHand && upscale === 1 && isAlignedFace(picture, first.landmarks)) {
    const { imageSize } = await tools.restorer();
    const crop = cutFace(picture, alignFace(first.landmarks, imageSize), imageSize);
    const isSharp = !force && faceSharpness(crop) >= sharpFrom;
    const { width, height } = picture;
    // What is filled in must not change the size of the rest.
    const fits = paint
      ? width === imageSize && height === imageSize
      : width <= largestAlignedScale * imageSize;
    if (!isSharp && fits) return { kind: 'aligned', recognised: true };
  }
  return { kind: 'photo', faces };
}
