/**
 * A single-shot face detector over MobileNet v1, by the weight names of face-api's `ssd_mobilenetv1_model`.
 * @see Liu et al. 2016, arXiv:1512.02325; Howard et al. 2017, arXiv:1704.04861
 */
import { concat, reshape, sigmoid, slice, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { addBias, relu6, sameConv, sameDepthwiseConv, storedBatchNorm } from '../../nn/tensorflow-layers.ts';

/** Side of the square image that the anchors belong to, in pixels. */
export const ssdImageSize = 512;
/** Anchors over all positions: 3 a cell at 32², 6 at 16², 8², 4², 2² and 1². */
export const ssdAnchorCount = 5118;
/** Name of the anchors among the weights: [1, 5118, 4], each (top, left, bottom, right) in fractions of the side. */
export const ssdAnchorKey = 'Output/extra_dim';

/** Output channels of the thirteen separable blocks; the blocks that halve the image. */
const widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
const halvingBlocks = new Set([2, 4, 6, 12]);
/** The block whose output the first predictor reads. */
const fineBlock = 11;
/** Pairs of convolutions after the backbone: the 1×1 width, then the width of the 3×3 that halves the image. */
const extraWidths = [
  [256, 512],
  [128, 256],
  [128, 256],
  [64, 128],
] as const;
const batchNormEpsilon = 0.001;
/** Logits of a predictor for each anchor: background, face, and one that is not used. */
const classes = 3;

export type SsdOutputs = {
  /** [N, 5118, 4]: centre y, centre x, log height, log width relative to the anchors, not scaled */
  readonly boxes: Value;
  /** [N, 5118, 1], 0..1 */
  readonly scores: Value;
};

/** @param image [N, 3, 512, 512] in [-1, 1] */
export function buildSsdMobilenet(root: ParameterScope, image: Value): SsdOutputs {
  let h = pointwise(root, 'MobilenetV1/Conv2d_0_pointwise', image, 32, { kernel: 3, stride: 2 });
  const features: Value[] = [];
  for (const [i, width] of widths.entries()) {
    const block = i + 1;
    h = depthwise(root, `MobilenetV1/Conv2d_${block}_depthwise`, h, halvingBlocks.has(block) ? 2 : 1);
    h = pointwise(root, `MobilenetV1/Conv2d_${block}_pointwise`, h, width);
    if (block === fineBlock) features.push(h);
  }
  features.push(h);
  for (const [i, [narrow, wide]] of extraWidths.entries()) {
    h = pointwise(root, `Prediction/Conv2d_${2 * i}_pointwise`, h, narrow);
    h = pointwise(root, `Prediction/Conv2d_${2 * i + 1}_pointwise`, h, wide, { kernel: 3, stride: 2 });
    features.push(h);
  }
  const anchors = (level: number): number => (level === 0 ? 3 : 6);
  const predict = (kind: string, size: number): Value =>
    concat(
      features.map((feature, level) =>
        predictor(root, `Prediction/BoxPredictor_${level}/${kind}`, feature, anchors(level), size),
      ),
      1,
    );
  return {
    boxes: predict('BoxEncodingPredictor', 4),
    scores: sigmoid(slice(predict('ClassPredictor', classes), 2, 1, 2)),
  };
}

function pointwise(
  root: ParameterScope,
  key: string,
  x: Value,
  width: number,
  { kernel = 1, stride = 1 } = {},
): Value {
  const weight = root.get(`${key}/weights`, [kernel, kernel, x.shape[1]!, width]);
  return relu6(addBias(sameConv(x, weight, stride), root.get(`${key}/convolution_bn_offset`, [width])));
}

function depthwise(root: ParameterScope, key: string, x: Value, stride: number): Value {
  const width = x.shape[1]!;
  const statistic = (name: string): Value => root.get(`${key}/BatchNorm/${name}`, [width]);
  const h = sameDepthwiseConv(x, root.get(`${key}/depthwise_weights`, [3, 3, width, 1]), stride);
  const statistics = {
    mean: statistic('moving_mean'),
    variance: statistic('moving_variance'),
    gamma: statistic('gamma'),
    beta: statistic('beta'),
  };
  return relu6(storedBatchNorm(h, statistics, batchNormEpsilon));
}

/** x [N, C, H, H] → [N, H·H·anchors, size] */
function predictor(root: ParameterScope, key: string, x: Value, anchors: number, size: number): Value {
  const width = anchors * size;
  const weight = root.get(`${key}/weights`, [1, 1, x.shape[1]!, width]);
  const h = addBias(sameConv(x, weight), root.get(`${key}/biases`, [width]));
  return reshape(transpose(h, [0, 2, 3, 1]), [x.shape[0]!, -1, size]);
}
