/** Distances of faces in the features of a face-recognition network. */

import { add, constant, div, matmul, mul, reduceMean, reduceSum, sqrt, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { resizeTaps } from '../../image/resize-taps.ts';
import { cutBox, type FractionalBox } from '../../nn/cut-box.ts';
import { keyOf, parameterScope, prefixOf } from '../../nn/parameter-scope.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import {
  buildFaceRecognition,
  type FaceFeatures,
  faceCropSize,
} from '../face-recognition/face-recognition.ts';
import type { PerceptualNetwork } from './perceptual-network.ts';

/** The face in an image that is aligned as FFHQ's are: x 96..416, y 110..430 of 512. */
export const alignedFaceBox: FractionalBox = {
  left: 96 / 512,
  top: 110 / 512,
  right: 416 / 512,
  bottom: 430 / 512,
};

/** The first convolution and the last block of each width: images of 72, 35, 17, 8 and 4 pixels. */
const faceStages: readonly string[] = ['conv32_down', 'conv32_3', 'conv64_3', 'conv128_2', 'conv256_2'];

export interface FaceNetworkOptions {
  readonly box?: FractionalBox;
  /** Keys of the stages that are compared; their distances are averaged. */
  readonly stages?: readonly string[];
  /** Weight of the descriptors' squared distance, which is added; 0 unless given. */
  readonly descriptorWeight?: number;
  /** Weight of the distance between features' means over regions, which is added; 0 unless given. */
  readonly textureWeight?: number;
  /** Keys of the stages whose means over regions are compared, their distances averaged; `stages` unless given. */
  readonly textureStages?: readonly string[];
}

const prefix = 'face';
/** Regions along a side of the box whose features' means are compared. */
const textureRegions = 4;
const epsilon = 1e-8;

/**
 * Mean over stages and positions of ‖u(a) − u(b)‖², u being features divided by their length over the channels, as
 * in LPIPS without its learned weights.
 *
 * That distance is least where features are what is expected of them at every position, and nobody can know where a hair lies:
 * so skin and hair come out too smooth. Means over regions can be known, as texture is the same all over them:
 * `textureWeight` adds the same distance between the means of u over 4 × 4 regions (Gatys et al. 2016 compare products of
 * features, over the whole image). Early stages see the finest texture, and are pleased by any, such as a decoder's grid.
 * @param weights as {@link foldFaceRecognitionWeights} gives them
 * @throws {RangeError} for a stage that the network does not have, or a box that does not lie in the image
 */
export function createFaceNetwork(
  weights: ReadonlyMap<string, HostTensor>,
  {
    box = alignedFaceBox,
    stages = faceStages,
    descriptorWeight = 0,
    textureWeight = 0,
    textureStages = stages,
  }: FaceNetworkOptions = {},
): PerceptualNetwork {
  const root = parameterScope(prefix);
  const features = (image: Value): FaceFeatures => buildFaceRecognition(root, cropFace(image, box));
  return {
    name: 'face recognition',
    distance(a, b) {
      const left = features(a);
      const right = features(b);
      const pairs = new Map<string, readonly [Value, Value]>();
      for (const stage of textureWeight !== 0 ? [...stages, ...textureStages] : stages) {
        if (!left.stages.has(stage))
          throw new RangeError(
            `Cannot compare faces by the stage ${stage}: there are ${[...left.stages.keys()].join(', ')}`,
          );
        if (!pairs.has(stage))
          pairs.set(stage, [unitLength(left.stages.get(stage)!), unitLength(right.stages.get(stage)!)]);
      }
      const terms = stages.map((stage) => mul(squaredDistance(...pairs.get(stage)!), 1 / stages.length));
      if (textureWeight !== 0)
        for (const stage of textureStages) {
          const [u, v] = pairs.get(stage)!;
          const distance = squaredDistance(regionMeans(u), regionMeans(v));
          terms.push(mul(distance, textureWeight / textureStages.length));
        }
      if (descriptorWeight !== 0)
        terms.push(mul(squaredDistance(left.descriptor, right.descriptor), descriptorWeight));
      if (terms.length === 0)
        throw new RangeError('Cannot compare faces by nothing: name a stage or weigh the descriptor');
      return terms.reduce((sum, term) => add(sum, term));
    },
    bind(name) {
      const tensor = weights.get(keyOf(name));
      if (prefixOf(name) !== prefix || !tensor)
        throw new TypeError(`Parameter ${name} is none of the face-recognition network`);
      return { kind: 'inline', data: tensor.data };
    },
    owns: (name) => prefixOf(name) === prefix,
  };
}

/**
 * The box resampled to size × size, bilinearly where that enlarges it and by area where it shrinks: one constant
 * matrix on either side, so that gradients flow.
 * @param image [B, C, H, W]
 * @returns [B, C, size, size]
 */
export function cropFace(image: Value, box: FractionalBox, size = faceCropSize): Value {
  return resampleTo(cutBox(image, box), size);
}

/** @returns [B, C, textureRegions, textureRegions], or what is as small already */
function regionMeans(features: Value): Value {
  return features.shape[2]! > textureRegions ? resampleTo(features, textureRegions) : features;
}

/** [B, C, H, W] → [B, C, size, size] */
function resampleTo(image: Value, size: number): Value {
  const [, , height, width] = image.shape as [number, number, number, number];
  const down = resampling(height, size); // [size, height]
  const across = resampling(width, size);
  return matmul(matmul(down, image), across, { transB: true });
}

function resampling(from: number, to: number): Value {
  const { tapCount, source, weight } = resizeTaps(from, to, from > to ? 'area' : 'bilinear');
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++)
    for (let tap = i * tapCount; tap < (i + 1) * tapCount; tap++)
      matrix[i * from + source[tap]!]! += weight[tap]!;
  return constant([to, from], matrix);
}

/** Features divided by their length over the channels; ε under the root keeps its gradient finite at zero. */
export function unitLength(x: Value): Value {
  return div(x, sqrt(add(reduceSum(mul(x, x), [1], true), epsilon)));
}

/** Sum over channels, mean over everything else. */
export function squaredDistance(a: Value, b: Value): Value {
  const difference = sub(a, b);
  return reduceMean(reduceSum(mul(difference, difference), [1]));
}
