/** 68 landmarks of a face by densely connected separable convolutions, by the weight names of face-api's `face_landmark_68_model`. */
import { add, averagePool, constant, div, gemm, relu, reshape, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { addBias, sameConv, sameDepthwiseConv } from '../../nn/tensorflow-layers.ts';

/** Side of the square crop in pixels. */
export const landmarkImageSize = 112;
const landmarkCount = 68;

const meanRgb = [122.782, 117.001, 104.298];
const widths = [32, 64, 128, 256];

/**
 * @param image [N, 3, 112, 112], RGB in 0..255, the face's box
 * @returns [N, 136]: x and y of each landmark in turn, in fractions of the crop's side
 */
export function buildFaceLandmarks(root: ParameterScope, image: Value): Value {
  let h = div(sub(image, constant([1, 3, 1, 1], meanRgb)), 255);
  for (const [i, width] of widths.entries()) h = denseBlock(root, `dense${i}`, h, width, i === 0);
  h = averagePool(h, { kernel: [7, 7], strides: [2, 2], pads: [0, 0, 0, 0] });
  const outputs = 2 * landmarkCount;
  const features = widths.at(-1)!;
  const rows = reshape(h, [image.shape[0]!, features]);
  return gemm(rows, root.get('fc/weights', [features, outputs]), root.get('fc/bias', [outputs]));
}

/** Four convolutions, each reading the sum of all before it; the first halves the image. */
function denseBlock(root: ParameterScope, key: string, x: Value, width: number, isFirst: boolean): Value {
  let sum = isFirst
    ? plainConv(root, `${key}/conv0`, x, width)
    : separableConv(root, `${key}/conv0`, x, width, 2);
  sum = relu(sum);
  for (let i = 1; i < 4; i++) sum = add(sum, separableConv(root, `${key}/conv${i}`, relu(sum), width, 1));
  return relu(sum);
}

function plainConv(root: ParameterScope, key: string, x: Value, width: number): Value {
  const weight = root.get(`${key}/filters`, [3, 3, x.shape[1]!, width]);
  return addBias(sameConv(x, weight, 2), root.get(`${key}/bias`, [width]));
}

function separableConv(root: ParameterScope, key: string, x: Value, width: number, stride: number): Value {
  const channels = x.shape[1]!;
  const h = sameDepthwiseConv(x, root.get(`${key}/depthwise_filter`, [3, 3, channels, 1]), stride);
  const weight = root.get(`${key}/pointwise_filter`, [1, 1, channels, width]);
  return addBias(sameConv(h, weight), root.get(`${key}/bias`, [width]));
}
