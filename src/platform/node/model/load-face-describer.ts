import { createFaceDescriber, type FaceDescriber } from '../../../face/face-describer.ts';
import { nextTurn } from '../../../runtime/next-turn.ts';
import { createWorkerRuntime } from '../engine/worker-runtime.ts';
import { readFaceRecognitionWeights } from './perceptual-files.ts';

/** Loads face-api's recognition network for aligned faces of `size` pixels, on the processor. */
export async function loadFaceDescriber(size: number): Promise<FaceDescriber> {
  const runtime = await createWorkerRuntime({ device: 'cpu' });
  const weights = await readFaceRecognitionWeights();
  await nextTurn();
  return createFaceDescriber(runtime, weights, size);
}
