import type { FaceDetector } from '../../face/face-detector.ts';
import { createSsdFaceDetector } from '../../face/ssd-face-detector.ts';
import { readFaceApiWeights } from './face-api-files.ts';
import { createNodeRuntime, type NodeRuntimeOptions } from './node-runtime.ts';

/**
 * Loads the face detector that needs no download: single-shot detection and 68 landmarks by face-api's weights, on
 * the processor.
 */
export async function loadFaceDetector(
  options: Pick<NodeRuntimeOptions, 'threads'> = {},
): Promise<FaceDetector> {
  return createSsdFaceDetector(await createNodeRuntime({ ...options, device: 'cpu' }), {
    detector: await readFaceApiWeights('ssd_mobilenetv1_model'),
    landmarks: await readFaceApiWeights('face_landmark_68_model'),
  });
}
