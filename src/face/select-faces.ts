/** Which of the faces in a photo are meant. */

import { because } from '../failure/failure.ts';
import type { Pixels } from '../image/pixels.ts';
import type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face-detector.ts';

export interface FaceSelection extends DetectOptions {
  /** Boxes drawn by hand: these faces, and no others unless `indices` are given too. */
  readonly boxes?: readonly FaceBox[];
  /** Places in the detector's list, from 0. */
  readonly indices?: readonly number[];
}

/** A face with its place in the detector's list; boxes drawn by hand go on behind it. */
export interface SelectedFace extends DetectedFace {
  readonly index: number;
}

/**
 * @throws {RangeError} if there is no face of an index, or a box does not meet the photo
 */
export async function selectFaces(
  photo: Pixels,
  detector: FaceDetector,
  { boxes = [], indices, ...options }: FaceSelection = {},
): Promise<SelectedFace[]> {
  const detected = boxes.length > 0 && !indices ? [] : await detector.detect(photo, options);
  const faces = detected.map((face, index) => ({ ...face, index }));
  const chosen = indices ? [...new Set(indices)].map((index) => faceAt(faces, index)) : faces;
  for (const [i, box] of boxes.entries()) {
    if (box.x >= photo.width || box.y >= photo.height || box.x + box.width <= 0 || box.y + box.height <= 0)
      throw new RangeError(
        `Cannot take the box ${box.x},${box.y},${box.width},${box.height}: it lies outside the photo of ${photo.width} x ${photo.height}`,
      );
    chosen.push({ ...(await detector.locate(photo, box)), index: faces.length + i });
  }
  return chosen;
}

function faceAt(faces: readonly SelectedFace[], index: number): SelectedFace {
  const face = faces[index];
  if (face) return face;
  const found = faces.length === 0 ? 'no face was found' : `the faces found are 0 to ${faces.length - 1}`;
  throw because(new RangeError(`Cannot take face ${index}: ${found}`), {
    code: 'no-such-face',
    index,
    found: faces.length,
  });
}
