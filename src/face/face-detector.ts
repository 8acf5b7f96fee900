/** What finds faces in a photo. Coordinates are pixels of the photo, from its upper left corner. */

import type { Point } from '../image/geometry.ts';
import type { Pixels } from '../image/pixels.ts';

export interface FaceBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface DetectedFace {
  /** from the brows to the chin; may reach beyond the photo */
  readonly box: FaceBox;
  /** 0..1; 1 for a box drawn by hand */
  readonly score: number;
  /** eyes, tip of the nose, corners of the mouth; left and right as seen */
  readonly landmarks: readonly Point[];
  /** Points along the jaw and the brows; their convex hull is the face. Absent if the detector has none. */
  readonly outline?: readonly Point[];
}

export interface DetectOptions {
  /** Longer side of the smallest face to find, in pixels; by default what takes a bounded time in any photo. */
  readonly minSize?: number;
  /** 0..1 */
  readonly minScore?: number;
  /** The best so many are kept. */
  readonly maxFaces?: number;
  readonly signal?: AbortSignal;
  /** @param fraction 0..1 of this call */
  readonly onProgress?: (fraction: number) => void;
}

export interface FaceDetector {
  /** e.g. 'RetinaFace ResNet-50' */
  readonly name: string;
  /** Faces from the largest to the smallest. */
  detect(photo: Pixels, options?: DetectOptions): Promise<DetectedFace[]>;
  /** The face in a box that somebody drew; where its landmarks cannot be told, as in an upright face. */
  locate(photo: Pixels, box: FaceBox): Promise<DetectedFace>;
  release(): Promise<void>;
}
