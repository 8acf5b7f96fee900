/** Faces by a single-shot detector over tiles at several scales, and their 68 landmarks. */

import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { emitModel, type OnnxModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { type AffineMatrix, applyAffine, invertAffine, type Point } from '../image/geometry.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import type { Pixels } from '../image/pixels.ts';
import { warpAntialiased } from '../image/warp-antialiased.ts';
import { buildFaceLandmarks, landmarkImageSize } from '../models/face-landmarks/face-landmarks.ts';
import { buildSsdMobilenet, ssdAnchorKey, ssdImageSize } from '../models/ssd-mobilenet/ssd-mobilenet.ts';
import { keyOf, type ParameterScope, parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { formatShape, type HostTensor, hostTensor, sameShape } from '../tensor/host-tensor.ts';
import { type DetectionLevel, type DetectionTile, planDetectionTiles } from './detection-tiles.ts';
import type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face-detector.ts';
import { faceOutline, fivePoints } from './five-points.ts';
import { boxCrop, boxOfPoints, fitLandmarks, uprightCrop, usualPoints } from './landmark-crop.ts';
import { mergeBoxes, type ScoredBox } from './merge-boxes.ts';
import { decodeSsdBoxes } from './ssd-boxes.ts';

/** Tensors of face-api's files by their names. */
export interface SsdFaceWeights {
  readonly detector: ReadonlyMap<string, HostTensor>;
  readonly landmarks: ReadonlyMap<string, HostTensor>;
}

export const defaultMinScore = 0.25;
export const defaultMaxFaces = 100;
/** Faces are found reliably from this size on, in pixels of a tile. */
const smallestFoundFace = 40;
const smallestFace = 20;
/** Of overlapping and false detections that are looked at for each face that may be returned. */
const candidatesPerFace = 4;
/** Limits of what is a face: see `fitLandmarks`. */
const largestResidual = 0.08;
const smallestShare = 0.6;
const largestShare = 2;
const tileOverlap = 128;
/** Boxes this close to a cut between tiles are parts of faces that another tile shows whole. */
const cutMargin = 3;

/** @throws {CheckpointError} if weights are missing or misshapen */
export async function createSsdFaceDetector(
  runtime: Runtime,
  weights: SsdFaceWeights,
): Promise<FaceDetector> {
  const ssd = await runtime.createSession(
    inlineModel('detector', weights.detector, ssdImageSize, buildSsdMobilenet),
  );
  const landmarks = await runtime.createSession(
    inlineModel('landmarks', weights.landmarks, landmarkImageSize, (root, image) => ({
      landmarks: buildFaceLandmarks(root, image),
    })),
  );
  const anchors = weights.detector.get(ssdAnchorKey)!.data;
  return new SsdFaceDetector(ssd, landmarks, anchors);
}

/** A network whose weights are copied into the model, under the names of its parameters. */
function inlineModel(
  name: string,
  weights: ReadonlyMap<string, HostTensor>,
  size: number,
  build: (root: ParameterScope, image: Value) => { readonly [name: string]: Value },
): OnnxModel {
  const outputs = build(parameterScope(name), input('image', [1, 3, size, size]));
  return emitModel(`face ${name}`, outputs, (parameter, shape) => {
    const key = keyOf(parameter);
    const tensor = weights.get(key);
    if (!tensor || !sameShape(tensor.shape, shape))
      throw new CheckpointError(
        `it is ${tensor ? formatShape(tensor.shape) : 'missing'}, the network needs ${formatShape(shape)}`,
        { file: `the weights of the face ${name}`, key },
      );
    return { kind: 'inline', data: tensor.data };
  });
}

class SsdFaceDetector implements FaceDetector {
  readonly name = 'face-api';
  readonly #ssd: Session;
  readonly #landmarks: Session;
  readonly #anchors: Float32Array;

  constructor(ssd: Session, landmarks: Session, anchors: Float32Array) {
    this.#ssd = ssd;
    this.#landmarks = landmarks;
    this.#anchors = anchors;
  }

  async detect(photo: Pixels, options: DetectOptions = {}): Promise<DetectedFace[]> {
    const {
      minScore = defaultMinScore,
      maxFaces = defaultMaxFaces,
      minSize = defaultMinSize(photo),
      signal,
      onProgress,
    } = options;
    const levels = planDetectionTiles(photo, {
      tile: ssdImageSize,
      overlap: tileOverlap,
      finestScale: smallestFoundFace / minSize,
    });
    const total = levels.reduce((count, { tiles }) => count + tiles.length, 0);
    const found: ScoredBox[] = [];
    let done = 0;
    for (const level of levels)
      for (const tile of level.tiles) {
        signal?.throwIfAborted();
        found.push(...(await this.#detectInTile(photo, level, tile, minScore)));
        onProgress?.(++done / total);
      }
    const faces: DetectedFace[] = [];
    for (const { box, score } of mergeBoxes(found).slice(0, candidatesPerFace * maxFaces)) {
      if (Math.max(box.width, box.height) < minSize) continue;
      signal?.throwIfAborted();
      const face = await this.#placeLandmarks(photo, box, score);
      if (face) faces.push(face);
    }
    return mergeFaces(faces).slice(0, maxFaces).sort(bySize);
  }

  async locate(photo: Pixels, box: FaceBox): Promise<DetectedFace> {
    const found = await this.#placeLandmarks(photo, box, 1);
    return found ?? { box, score: 1, landmarks: usualPoints(box) };
  }

  async release(): Promise<void> {
    await this.#ssd.release();
    await this.#landmarks.release();
  }

  async #detectInTile(
    photo: Pixels,
    level: DetectionLevel,
    { x, y }: DetectionTile,
    minScore: number,
  ): Promise<ScoredBox[]> {
    const { scale } = level;
    const shift = (scale - 1) / 2;
    const region = { x, y, width: ssdImageSize, height: ssdImageSize };
    const pixels = warpAntialiased(photo, [scale, 0, shift, 0, scale, shift], region, black);
    const { boxes, scores } = await this.#ssd.run({ image: pixelsToTensor(pixels) });
    const options = { tile: ssdImageSize, minScore };
    return decodeSsdBoxes(boxes!.data, scores!.data, this.#anchors, options)
      .filter(({ box }) => !isCut(box, { x, y }, level))
      .map(({ box, score }) => ({
        score,
        box: {
          x: (x + box.x) / scale,
          y: (y + box.y) / scale,
          width: box.width / scale,
          height: box.height / scale,
        },
      }));
  }

  /** Once in the box, once more with the face upright. */
  async #placeLandmarks(photo: Pixels, box: FaceBox, score: number): Promise<DetectedFace | undefined> {
    const rough = await this.#landmarksIn(photo, boxCrop(box, landmarkImageSize));
    const upright = uprightCrop(fivePoints(rough), landmarkImageSize);
    if (!upright.every(Number.isFinite)) return undefined;
    const points = await this.#landmarksIn(photo, upright);
    const face = { box, score, landmarks: fivePoints(points), outline: faceOutline(points) };
    return isPlausible(face) ? face : undefined;
  }

  /** @param crop from the photo to the crop; the border between pixels is at 0 */
  async #landmarksIn(photo: Pixels, crop: AffineMatrix): Promise<Point[]> {
    const size = landmarkImageSize;
    const pixels = warpAntialiased(photo, crop, { x: 0, y: 0, width: size, height: size }, black);
    const { landmarks } = await this.#landmarks.run({ image: planes(pixels) });
    const toPhoto = invertAffine(crop);
    return Array.from({ length: landmarks!.data.length / 2 }, (_, i) =>
      applyAffine(toPhoto, [landmarks!.data[2 * i]! * size, landmarks!.data[2 * i + 1]! * size]),
    );
  }
}

const black = [0, 0, 0];

/** Finds the smallest faces that a bounded number of tiles can show. */
function defaultMinSize({ width, height }: Pixels): number {
  return Math.max(smallestFace, Math.max(width, height) / 80);
}

/** Whether a box ends where the tile does and the photo does not. */
function isCut({ x, y, width, height }: FaceBox, tile: DetectionTile, level: DetectionLevel): boolean {
  const end = ssdImageSize - cutMargin;
  return (
    (x < cutMargin && tile.x > 0) ||
    (y < cutMargin && tile.y > 0) ||
    (x + width > end && tile.x + ssdImageSize < level.width) ||
    (y + height > end && tile.y + ssdImageSize < level.height)
  );
}

/**
 * Away from faces the landmarks shrink to a heap, and detections of one face have the same landmarks.
 */
function isPlausible({ box, landmarks }: DetectedFace): boolean {
  const { side, residual } = fitLandmarks(landmarks);
  const share = side / Math.max(box.width, box.height);
  return residual < largestResidual && share > smallestShare && share < largestShare;
}

/** Of detections whose landmarks are in the same place the best; each keeps its own box. */
function mergeFaces(faces: readonly DetectedFace[]): DetectedFace[] {
  const placed = faces.map((face) => ({ face, score: face.score, box: boxOfPoints(face.landmarks) }));
  return mergeBoxes(placed).map(({ face }) => face);
}

const bySize = (a: DetectedFace, b: DetectedFace): number =>
  b.box.width * b.box.height - a.box.width * a.box.height;

/** [1, 3, H, W] in 0..255 */
function planes({ width, height, data }: Pixels): HostTensor {
  const area = width * height;
  const tensor = hostTensor([1, 3, height, width]);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) tensor.data[c * area + i] = data[3 * i + c]!;
  return tensor;
}
