/** The face descriptor `faceres` (HSE-FaceRes, a MobileNet), as the package @vladmandic/human ships it. */

import { parseTfjsWeights } from '../../checkpoint/tfjs-weights.ts';
import { emitModel, type OnnxModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import { createPixels, type Pixels, toFloatPixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { buildTfjsGraph } from '../tfjs/graph-model.ts';

const SIDE = 224;

/** Aligned faces have this side, and this part of them is described: hairline to chin. */
const ALIGNED = { width: 512, height: 512 };
const CROP = { x: 96, y: 110, width: 320, height: 320 };

/**
 * The model that describes a face: `image` [1, 224, 224, 3] in 0..255 gives `descriptor` [1, 1024].
 * @param model the parsed JSON of the graph model
 * @param weightBytes the file of weights beside it
 */
export function faceresModel(model: unknown, weightBytes: Uint8Array): OnnxModel {
  const { modelTopology, weightsManifest } = (model ?? {}) as Record<string, unknown>;
  const tensors = parseTfjsWeights(weightsManifest, weightBytes, 'faceres');
  const placeholders = { input_1: input('image', [1, SIDE, SIDE, 3]) };
  const descriptor = 'global_pooling/Mean';
  const { outputs, weights } = buildTfjsGraph('faceres', modelTopology, tensors, placeholders, [descriptor]);
  return emitModel('faceres', { descriptor: outputs[descriptor]! }, (name) => ({
    kind: 'inline',
    data: weights.get(name)!.data,
  }));
}

/**
 * What the model describes of an aligned face.
 * @param face square, RGB, of any size
 * @returns [1, 224, 224, 3] in 0..255
 * @throws {RangeError} if it is not square or not RGB
 */
export function faceresInput(face: Pixels): HostTensor {
  const { width, height, channels } = face;
  if (width !== height || channels !== 3)
    throw new RangeError(
      `Cannot describe a picture of ${width} x ${height} x ${channels}: an aligned face is square and RGB`,
    );
  const method = width > ALIGNED.width ? 'area' : 'bicubic';
  const aligned = resizePixels(toFloatPixels(face), ALIGNED, method).data;
  const rowLength = CROP.width * 3;
  const crop = createPixels(CROP.width, CROP.height, 3, new Float32Array(CROP.height * rowLength));
  for (let y = 0; y < CROP.height; y++) {
    const start = ((CROP.y + y) * ALIGNED.width + CROP.x) * 3;
    crop.data.set(aligned.subarray(start, start + rowLength), y * rowLength);
  }
  const input = resizePixels(crop, { width: SIDE, height: SIDE }, 'bicubic');
  return hostTensor([1, SIDE, SIDE, 3], toFloatPixels(input).data);
}
