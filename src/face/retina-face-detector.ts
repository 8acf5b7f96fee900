/** Faces and five landmarks by RetinaFace, as the published pipeline finds them. */

import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { Point } from '../image/geometry.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import type { Pixels } from '../image/pixels.ts';
import { resizePixels, type Size } from '../image/resize.ts';
import { warpAntialiased } from '../image/warp-antialiased.ts';
import { matchStored, type StoredNetwork, shapesOf } from '../models/match-stored.ts';
import {
  buildRetinaface,
  inferRetinafaceConfig,
  type RetinafaceOutputs,
  unusedRetinafaceWeights,
} from '../models/retinaface/retinaface.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type SizedSession, sizedSession } from '../runtime/sized-session.ts';
import type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face-detector.ts';
import { boxCrop, usualPoints } from './landmark-crop.ts';
import { mergeBoxes } from './merge-boxes.ts';
import { decodeRetinaFaces, type RetinaFace, suppressOverlaps } from './retina-boxes.ts';

const defaultRetinaMinScore = 0.8;
const defaultMaxFaces = 100;
/** Smaller photos are enlarged until their shorter side has so many pixels. */
const leastSide = 640;
/** Larger photos are shrunk until their longer side has so many. */
const mostSide = 2150;
/** Faces whose eyes are nearer, in pixels of the photo, are too small or seen from the side. */
const leastEyeDistance = 5;
const backboneNames = { resnet50: 'ResNet-50', 'mobilenet0.25': 'MobileNet-0.25' } as const;
/** A photo that is narrower after it was resized shows no face: the network's coarsest cells are so large. */
const leastDetectionSide = 32;
/** A box drawn by hand fills half of the crop that it is looked for in. */
const locateSize = 320;
const locateMinScore = 0.02;

/**
 * @param weights of facexlib's `detection_Resnet50_Final.pth` or `detection_mobilenet0.25_Final.pth`
 * @throws {CheckpointError} if they are of another network
 */
export async function createRetinaFaceDetector(
  runtime: Runtime,
  weights: StoredNetwork,
): Promise<FaceDetector> {
  const config = inferRetinafaceConfig(shapesOf(weights));
  const build = (size: Size): RetinafaceOutputs =>
    buildRetinaface(parameterScope('retinaface'), config, input('image', [1, 3, size.height, size.width]));
  const { boxes, scores, landmarks } = build({ width: 64, height: 64 });
  const bind = await matchStored(
    [boxes, scores, landmarks],
    'retinaface',
    weights,
    'RetinaFace network',
    unusedRetinafaceWeights,
  );
  const session = sizedSession(runtime, (height: number, width: number) =>
    emitModel('RetinaFace', build({ width, height }), bind),
  );
  return new RetinaFaceDetector(`RetinaFace ${backboneNames[config.backbone]}`, session);
}

class RetinaFaceDetector implements FaceDetector {
  readonly name: string;
  /** Takes a height and a width. */
  readonly #session: SizedSession<[number, number]>;

  constructor(name: string, session: SizedSession<[number, number]>) {
    this.name = name;
    this.#session = session;
  }

  async detect(photo: Pixels, options: DetectOptions = {}): Promise<DetectedFace[]> {
    const {
      minScore = defaultRetinaMinScore,
      minSize = 0,
      maxFaces = defaultMaxFaces,
      signal,
      onProgress,
    } = options;
    signal?.throwIfAborted();
    const size = detectionSize(photo);
    if (Math.min(size.width, size.height) < leastDetectionSide) return [];
    const scale = { x: size.width / photo.width, y: size.height / photo.height };
    const method = size.width < photo.width ? 'area' : 'bilinear';
    const resized = size.width === photo.width ? photo : resizePixels(photo, size, method);
    const found = suppressOverlaps(await this.#find(resized, minScore));
    onProgress?.(1);
    return found
      .map((face) => scaled(face, 1 / scale.x, 1 / scale.y))
      .filter(({ box }) => Math.max(box.width, box.height) >= minSize)
      .filter(({ landmarks: [left, right] }) => distance(left!, right!) >= leastEyeDistance)
      .slice(0, maxFaces)
      .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
  }

  async locate(photo: Pixels, box: FaceBox): Promise<DetectedFace> {
    const crop = boxCrop(
      {
        x: box.x - box.width / 2,
        y: box.y - box.height / 2,
        width: 2 * box.width,
        height: 2 * box.height,
      },
      locateSize,
    );
    const region = { x: 0, y: 0, width: locateSize, height: locateSize };
    const pixels = warpAntialiased(photo, crop, region, [0, 0, 0]);
    const faces = await this.#find(pixels, locateMinScore);
    const [scale, , shiftX, , , shiftY] = crop;
    const drawn = {
      x: scale * box.x + shiftX,
      y: scale * box.y + shiftY,
      width: scale * box.width,
      height: scale * box.height,
    };
    // The drawn box wins over what it overlaps enough; what is left of the faces lies elsewhere.
    const elsewhere = new Set(mergeBoxes([{ box: drawn, score: 2 }, ...faces]));
    const [best] = faces.filter((face) => !elsewhere.has(face)).sort((a, b) => b.score - a.score);
    if (!best) return { box, score: 1, landmarks: usualPoints(box) };
    const landmarks = best.landmarks.map(([x, y]): Point => [(x - shiftX) / scale, (y - shiftY) / scale]);
    return { box, score: 1, landmarks };
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  async #find(image: Pixels, minScore: number): Promise<RetinaFace[]> {
    const session = await this.#session.at(image.height, image.width);
    const { boxes, scores, landmarks } = await session.run({ image: pixelsToTensor(image) });
    const tensors = { boxes: boxes!.data, scores: scores!.data, landmarks: landmarks!.data };
    return decodeRetinaFaces(tensors, image, minScore);
  }
}

function detectionSize({ width, height }: Size): Size {
  const enlarged = Math.max(1, leastSide / Math.min(width, height));
  const scale = Math.min(enlarged, mostSide / Math.max(width, height));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}

function scaled({ box, score, landmarks }: RetinaFace, x: number, y: number): RetinaFace {
  return {
    score,
    box: { x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y },
    landmarks: landmarks.map((point): Point => [point[0] * x, point[1] * y]),
  };
}

const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);
