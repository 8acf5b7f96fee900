/** Landmarks of a face whose box is known, by a network that was trained on upright faces. */

import { type AffineMatrix, applyAffine, invertAffine, type Point } from '../image/geometry.ts';
import type { Pixels } from '../image/pixels.ts';
import { warpAntialiased } from '../image/warp-antialiased.ts';
import { landmarkImageSize } from '../models/face-landmarks/face-landmarks.ts';
import type { Session } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { DetectedFace, FaceBox } from './face-detector.ts';
import { faceOutline, fivePoints } from './five-points.ts';
import { boxCrop, fitLandmarks, uprightCrop } from './landmark-crop.ts';

/** Limits of what is a face: see `fitLandmarks`. */
const largestResidual = 0.08;
const smallestShare = 0.6;
const largestShare = 2;

const black = [0, 0, 0];

export class LandmarkFinder {
  readonly #session: Session;

  /** @param session of the landmark network */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * The face in a box, looked at once as it is and once more with the face upright; none if what is found is no face.
   */
  async find(photo: Pixels, box: FaceBox, score: number): Promise<DetectedFace | undefined> {
    const rough = await this.#landmarksIn(photo, boxCrop(box, landmarkImageSize));
    const upright = uprightCrop(fivePoints(rough), landmarkImageSize);
    if (!upright.every(Number.isFinite)) return undefined;
    const points = await this.#landmarksIn(photo, upright);
    const face = { box, score, landmarks: fivePoints(points), outline: faceOutline(points) };
    return isPlausible(face) ? face : undefined;
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** @param crop from the photo to the crop; the border between pixels is at 0 */
  async #landmarksIn(photo: Pixels, crop: AffineMatrix): Promise<Point[]> {
    const size = landmarkImageSize;
    const region = { x: 0, y: 0, width: size, height: size };
    const pixels = warpAntialiased(photo, crop, region, black);
    const { landmarks } = await this.#session.run({ image: planes(pixels) });
    const fromCrop = invertAffine(crop);
    return Array.from({ length: landmarks!.data.length / 2 }, (_, i) =>
      applyAffine(fromCrop, [landmarks!.data[2 * i]! * size, landmarks!.data[2 * i + 1]! * size]),
    );
  }
}

/** Away from faces the landmarks shrink to a heap. */
function isPlausible({ box, landmarks }: DetectedFace): boolean {
  const { side, residual } = fitLandmarks(landmarks);
  const share = side / Math.max(box.width, box.height);
  return residual < largestResidual && share > smallestShare && share < largestShare;
}

/** [1, 3, H, W] in 0..255 */
function planes({ width, height, data }: Pixels): HostTensor {
  const area = width * height;
  const tensor = hostTensor([1, 3, height, width]);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) tensor.data[c * area + i] = data[3 * i + c]!;
  return tensor;
}
