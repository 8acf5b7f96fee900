/** Landmarks of a face whose box is known, by a network that was trained on upright faces. */

import { type AffineMatrix, applyAffine, invertAffine, type Point } from '../image/geometry.ts';
import type { Pixels } from '../image/pixels.ts';
import { composeAffine, warpAntialiased } from '../image/warp-antialiased.ts';
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

/** Share of a residual that another one must stay below to tell which way up a face is. */
const betterResidual = 0.6;
const upsideDown: AffineMatrix = [-1, 0, landmarkImageSize, 0, -1, landmarkImageSize];

const black = [0, 0, 0];

export class LandmarkFinder {
  readonly #load: () => Promise<Session>;
  #session: Promise<Session> | undefined;
  /** When the network is free: some runtimes take one run at a time. */
  #free: Promise<unknown> = Promise.resolve();

  /** @param load makes a session of the landmark network, once it is needed */
  constructor(load: () => Promise<Session>) {
    this.#load = load;
  }

  /** The face in a box, looked at once as it is and once more with the face upright; none if there is no face. */
  async find(photo: Pixels, box: FaceBox, score: number): Promise<DetectedFace | undefined> {
    const points = await this.#find(photo, boxCrop(box, landmarkImageSize));
    const face = { box, score, landmarks: fivePoints(points), outline: faceOutline(points) };
    return isPlausible(face) ? face : undefined;
  }

  /** Whether a face that was found looks far more like one if it is turned upside down. */
  async isUpsideDown(photo: Pixels, { box, landmarks }: DetectedFace): Promise<boolean> {
    const turned = composeAffine(upsideDown, boxCrop(box, landmarkImageSize));
    const { residual } = fitLandmarks(fivePoints(await this.#find(photo, turned)));
    return residual < betterResidual * fitLandmarks(landmarks).residual;
  }

  async release(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    await session?.release();
  }

  async #find(photo: Pixels, crop: AffineMatrix): Promise<Point[]> {
    const rough = await this.#landmarksIn(photo, crop);
    const upright = uprightCrop(fivePoints(rough), landmarkImageSize);
    return upright.every(Number.isFinite) ? this.#landmarksIn(photo, upright) : rough;
  }

  /** @param crop from the photo to the crop; the border between pixels is at 0 */
  async #landmarksIn(photo: Pixels, crop: AffineMatrix): Promise<Point[]> {
    const size = landmarkImageSize;
    const region = { x: 0, y: 0, width: size, height: size };
    const pixels = warpAntialiased(photo, crop, region, black);
    const image = planes(pixels);
    this.#session ??= this.#load();
    const session = await this.#session;
    const looking = this.#free.then(() => session.run({ image }));
    this.#free = looking.catch(() => {});
    const { landmarks } = await looking;
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
