/** Faces by a single-shot detector, and their 68 landmarks; by face-api's networks. */

import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { emitModel, type OnnxModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import type { Pixels } from '../image/pixels.ts';
import { buildFaceLandmarks, landmarkImageSize } from '../models/face-landmarks/face-landmarks.ts';
import { buildSsdFinestMap, buildSsdMobilenet, ssdImageSize } from '../models/ssd-mobilenet/ssd-mobilenet.ts';
import { keyOf, parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { formatShape, type HostTensor, sameShape } from '../tensor/host-tensor.ts';
import { anyWayUp, type UprightDetector, type UprightFaces } from './any-way-up.ts';
import type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face-detector.ts';
import { ImagePyramid } from './image-pyramid.ts';
import { usualPoints } from './landmark-crop.ts';
import { LandmarkFinder } from './landmark-finder.ts';
import { mergeBoxes } from './merge-boxes.ts';
import { mergeFaces } from './merge-faces.ts';
import { SsdBoxFinder, smallestFoundFace } from './ssd-box-finder.ts';

/** Tensors of face-api's files by their names. */
export interface SsdFaceWeights {
  readonly detector: ReadonlyMap<string, HostTensor>;
  readonly landmarks: ReadonlyMap<string, HostTensor>;
}

const defaultMinScore = 0.3;
export const defaultMaxFaces = 100;
/** Faces nearly always reach this score whichever way up they are, but their landmarks are found upright only. */
const sureScore = 0.8;
/** Nothing that is no face reaches this score and has landmarks. */
const turnedMinScore = 0.6;
/** Of so many faces it is asked whether they are upside down. */
const mostTurned = 3;
/** Of overlapping and false detections that are looked at for each face that may be returned. */
const candidatesPerFace = 4;

/** One is cut from the photo while the network looks at another. */
const candidatesAtOnce = 8;

/** @throws {CheckpointError} if weights are missing or misshapen */
export async function createSsdFaceDetector(
  runtime: Runtime,
  weights: SsdFaceWeights,
): Promise<FaceDetector> {
  const { detector } = weights;
  const image = input('image', [1, 3, ssdImageSize, ssdImageSize]);
  const crop = input('image', [1, 3, landmarkImageSize, landmarkImageSize]);
  const root = parameterScope('detector');
  const openSides = { openSides: true };
  const wholeModel = inlineModel('detector', detector, buildSsdMobilenet(root, image), openSides);
  const finestModel = (): OnnxModel => ({
    ...inlineModel('detector', detector, buildSsdFinestMap(root, image), openSides),
    name: 'face detector: finest map',
  });
  const landmarkModel = (): OnnxModel =>
    inlineModel('landmarks', weights.landmarks, {
      landmarks: buildFaceLandmarks(parameterScope('landmarks'), crop),
    });
  // Small networks that run often: laid out for speed.
  const load = (model: OnnxModel): Promise<Session> =>
    runtime.createSession(model, { packWeights: true, sharesScratch: true, givesModel: true });
  const upright = new SsdFaceDetector(
    new SsdBoxFinder(await load(wholeModel), () => load(finestModel()), detector),
    new LandmarkFinder(() => load(landmarkModel())),
  );
  return anyWayUp(upright, turnedMinScore);
}

/** A network whose weights are copied into the model, under the names of its parameters. */
function inlineModel(
  name: string,
  weights: ReadonlyMap<string, HostTensor>,
  outputs: { readonly [name: string]: Value },
  options?: Parameters<typeof emitModel>[3],
): OnnxModel {
  const bind = (parameter: string, shape: readonly number[]) => {
    const key = keyOf(parameter);
    const tensor = weights.get(key);
    if (!tensor || !sameShape(tensor.shape, shape))
      throw new CheckpointError(
        `it is ${tensor ? formatShape(tensor.shape) : 'missing'}, the network needs ${formatShape(shape)}`,
        { file: `the weights of the face ${name}`, key },
      );
    return { kind: 'inline', data: tensor.data } as const;
  };
  return emitModel(`face ${name}`, outputs, bind, options);
}

class SsdFaceDetector implements UprightDetector {
  readonly name = 'face-api';
  readonly #boxes: SsdBoxFinder;
  readonly #landmarks: LandmarkFinder;

  constructor(boxes: SsdBoxFinder, landmarks: LandmarkFinder) {
    this.#boxes = boxes;
    this.#landmarks = landmarks;
  }

  async look(photo: Pixels, options: DetectOptions): Promise<UprightFaces> {
    const {
      minScore = defaultMinScore,
      maxFaces = defaultMaxFaces,
      minSize = defaultMinSize(photo),
      signal,
      onProgress,
    } = options;
    const pyramid = new ImagePyramid(photo);
    const found = await this.#boxes.find(pyramid, photo, { minSize, minScore, signal, onProgress });
    const candidates = mergeBoxes(found)
      .slice(0, candidatesPerFace * maxFaces)
      .filter(({ box }) => Math.max(box.width, box.height) >= minSize);
    const faces: DetectedFace[] = [];
    /** Boxes that certainly show a face, and those of them in which it could not be made out. */
    let [sure, unclear] = [0, 0];
    for (let i = 0; i < candidates.length; i += candidatesAtOnce) {
      signal?.throwIfAborted();
      const group = candidates.slice(i, i + candidatesAtOnce);
      const looked = await Promise.all(
        group.map(({ box, score }) => this.#landmarks.find(photo, box, score)),
      );
      for (const [j, face] of looked.entries()) {
        if (face) faces.push(face);
        if (group[j]!.score < sureScore) continue;
        const isClear = face && (sure >= mostTurned || !(await this.#landmarks.isUpsideDown(photo, face)));
        sure++;
        if (!isClear) unclear++;
      }
    }
    return { faces: mergeFaces(faces, maxFaces), doubtful: 2 * unclear >= sure };
  }

  async locate(photo: Pixels, box: FaceBox): Promise<DetectedFace> {
    const found = await this.#landmarks.find(photo, box, 1);
    return found ?? { box, score: 1, landmarks: usualPoints(box) };
  }

  async release(): Promise<void> {
    await Promise.all([this.#boxes.release(), this.#landmarks.release()]);
  }
}

/** By default faces down to this size are found in small photos, and in all photos from the other. */
const smallestFace = 20;
const alwaysFoundFace = 50;
/** Photos with so many pixels are looked at as they are; smaller ones are enlarged for it, larger ones shrunk. */
const [leastArea, mostArea] = [1e6, 2e6];

function defaultMinSize({ width, height }: Pixels): number {
  const area = width * height;
  const least = smallestFoundFace * Math.sqrt(area / Math.min(Math.max(area, leastArea), mostArea));
  return Math.min(Math.max(smallestFace, least), alwaysFoundFace);
}
