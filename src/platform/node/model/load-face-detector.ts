import type { FaceDetector } from '../../../face/face-detector.ts';
import { createSsdFaceDetector, type SsdFaceWeights } from '../../../face/ssd-face-detector.ts';
import { nextTurn } from '../../../runtime/next-turn.ts';
import type { NodeRuntimeOptions } from '../engine/node-runtime.ts';
import { createWorkerRuntime } from '../engine/worker-runtime.ts';
import { readFaceApiWeights } from './face-api-files.ts';
import { loadRetinaFaceDetector } from './face-network-files.ts';

interface LoadFaceDetectorOptions extends Pick<NodeRuntimeOptions, 'threads'> {
  /** weights of RetinaFace, see `loadRetinaFaceDetector`, which are used instead */
  readonly file?: string;
}

/**
 * Loads the face detector that needs no download: single-shot detection and 68 landmarks by face-api's weights, on
 * the processor.
 * @throws {CheckpointError} if a file cannot be read or is of another network
 */
export async function loadFaceDetector({
  threads,
  file,
}: LoadFaceDetectorOptions = {}): Promise<FaceDetector> {
  const runtime = await createWorkerRuntime({ threads, device: 'cpu' });
  if (file !== undefined) return loadRetinaFaceDetector(file, runtime);
  const weights = await readFaceNetworks();
  await nextTurn();
  return createSsdFaceDetector(runtime, weights);
}

/** @throws {CheckpointError} if the package's files are missing or damaged */
export async function readFaceNetworks(): Promise<SsdFaceWeights> {
  const [detector, landmarks] = await Promise.all([
    readFaceApiWeights('ssd_mobilenetv1_model'),
    readFaceApiWeights('face_landmark_68_model'),
  ]);
  return { detector, landmarks };
}
