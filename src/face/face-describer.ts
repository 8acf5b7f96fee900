/** Tells one person from another. */

import { emitModel, type OnnxModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { buildFaceRecognition } from '../models/face-recognition/face-recognition.ts';
import { alignedFaceBox, cropFace } from '../models/perceptual/face-network.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';

export interface FaceDescriber {
  /**
   * @param face [1, 3, size, size] in [-1, 1], aligned
   * @returns 128 numbers
   */
  describe(face: HostTensor): Promise<Float32Array>;
  release(): Promise<void>;
}

/**
 * @param weights as `foldFaceRecognitionWeights` gives them
 * @param size of the faces that it will be given
 */
export async function createFaceDescriber(
  runtime: Runtime,
  weights: ReadonlyMap<string, HostTensor>,
  size: number,
): Promise<FaceDescriber> {
  const session = await runtime.createSession(faceDescriptorModel(weights, size), { givesModel: true });
  return {
    describe: async (tensor) => (await session.run({ face: tensor })).descriptor!.data,
    release: () => session.release(),
  };
}

/** The model that describes a face: `face` [1, 3, size, size] in [-1, 1], aligned, gives `descriptor` [1, 128]. */
export function faceDescriptorModel(weights: ReadonlyMap<string, HostTensor>, size: number): OnnxModel {
  const network = 'recognition';
  const face = cropFace(input('face', [1, 3, size, size]), alignedFaceBox);
  const { descriptor } = buildFaceRecognition(parameterScope(network), face);
  return emitModel('face recognition', { descriptor }, (name) => {
    const tensor = weights.get(name.slice(network.length + 1));
    if (!tensor) throw new TypeError(`Parameter ${name} has no weights: fold the network's weights first`);
    return { kind: 'inline', data: tensor.data };
  });
}

/** ‖a − b‖: 0.4 for a blurred photo of a person and a clear one, 0.6 and more for two people. */
export function descriptorDistance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
}
