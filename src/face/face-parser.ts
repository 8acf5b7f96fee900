/** Which part of an aligned face is what, by ParseNet. */

import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import type { Pixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { matchStored, type StoredNetwork, shapesOf } from '../models/match-stored.ts';
import {
  buildParsenet,
  inferParsenetConfig,
  parsenetClasses,
  parsenetImageSize,
  unusedParsenetWeights,
} from '../models/parsenet/parsenet.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface FaceParser {
  /**
   * @param face aligned, RGB, square
   * @returns class 0..18 of each pixel of the face, row by row; see `parsenetClasses`
   */
  parse(face: Pixels): Promise<Uint8Array>;
  release(): Promise<void>;
}

/**
 * @param weights of facexlib's `parsing_parsenet.pth`
 * @throws {CheckpointError} if they are of another network
 */
export async function createFaceParser(runtime: Runtime, weights: StoredNetwork): Promise<FaceParser> {
  const size = parsenetImageSize;
  const config = inferParsenetConfig(shapesOf(weights));
  const classes = buildParsenet(parameterScope('parsenet'), config, input('image', [1, 3, size, size]));
  const bind = await matchStored([classes], 'parsenet', weights, 'ParseNet network', unusedParsenetWeights);
  const session = await runtime.createSession(emitModel('ParseNet', { classes }, bind), { givesModel: true });
  return {
    async parse(face) {
      if (face.width !== face.height)
        throw new RangeError(
          `Cannot parse a face of ${face.width} x ${face.height} pixels: align it to a square first`,
        );
      const resized =
        face.width === size ? face : resizePixels(face, { width: size, height: size }, 'bilinear');
      const results = await session.run({ image: pixelsToTensor(resized) });
      return resizeLabels(largestClass(results['classes']!.data, size * size), size, face.width);
    },
    release: () => session.release(),
  };
}

function largestClass(scores: Float32Array, pixels: number): Uint8Array {
  const labels = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i++)
    for (let c = 1; c < parsenetClasses.length; c++)
      if (scores[c * pixels + i]! > scores[labels[i]! * pixels + i]!) labels[i] = c;
  return labels;
}

/** To the nearest label. */
function resizeLabels(labels: Uint8Array, from: number, to: number): Uint8Array {
  if (from === to) return labels;
  const source = Array.from({ length: to }, (_, i) => Math.floor(((i + 0.5) * from) / to));
  return Uint8Array.from(
    { length: to * to },
    (_, i) => labels[source[Math.floor(i / to)]! * from + source[i % to]!]!,
  );
}
