/**
 * A single-shot face detector over MobileNet v1, by the weight names of face-api's `ssd_mobilenetv1_model`.
 * @see Liu et al. 2016, arXiv:1512.02325; Howard et al. 2017, arXiv:1704.04861
 */
import { concat, conv, slice, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { addBias, relu6, sameConv, sameDepthwiseConv, storedBatchNorm } from '../../nn/tensorflow-layers.ts';

/** Side of the square image that the stored anchors belong to, in pixels. */
export const ssdImageSize = 512;
/** Name of the anchors among the weights: [1, 5118, 4], each (top, left, bottom, right) in fractions of the side. */
export const ssdAnchorKey = 'Output/extra_dim';

/** Output channels of the thirteen separable blocks; the blocks that halve the image. */
const widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
const halvingBlocks = new Set([2, 4, 6, 12]);
/** The block whose output the first predictor reads. */
const fineBlock = 11;
/**
 * Pairs of convolutions after the backbone: the 1×1 width, then the width of the 3×3 that halves the image. Two more
 * pairs are stored; their anchors fill the square, and such a face is found in a smaller picture of it.
 */
const extraWidths = [
  [256, 512],
  [128, 256],
] as const;
const batchNormEpsilon = 0.001;
/** Logits of a predictor for each anchor: background, face, and one that is not used. */
const classes = 3;
const faceClass = 1;

/** One map of predictions: the distance of its cells in pixels, and how many anchors each has. */
interface SsdMap {
  readonly stride: number;
  readonly anchors: number;
}

/** The maps from the finest, in the order of the stored anchors. */
export const ssdMaps: readonly SsdMap[] = [
  { stride: 16, anchors: 3 },
  { stride: 32, anchors: 6 },
  { stride: 64, anchors: 6 },
  { stride: 128, anchors: 6 },
];
/** Sides of images are multiples of the first, and no less than the second, in pixels. */
export const ssdSideStep = 32;
export const ssdLeastSide = 128;

/**
 * @param image [N, 3, H, W] in [-1, 1], with sides as `ssdSideStep` and `ssdLeastSide` say
 * @returns for each of {@link ssdMaps}, as `map0`, …: [N, anchors·5, ⌊H/stride⌋, ⌊W/stride⌋], first centre y, centre x,
 *   log height and log width of each anchor, not scaled; then the logit of each
 */
export function buildSsdMobilenet(root: ParameterScope, image: Value): Record<`map${number}`, Value> {
  const { features, map0 } = buildFinest(root, image);
  let h = separableBlocks(root, features, fineBlock + 1, widths.length);
  const maps = [h];
  for (const [i, [narrow, wide]] of extraWidths.entries()) {
    h = pointwise(root, `Prediction/Conv2d_${2 * i}_pointwise`, h, narrow);
    h = pointwise(root, `Prediction/Conv2d_${2 * i + 1}_pointwise`, h, wide, { kernel: 3, stride: 2 });
    maps.push(h);
  }
  const others = maps.map((map, i) => [
    `map${i + 1}`,
    predictor(root, `Prediction/BoxPredictor_${i + 1}`, map, ssdMaps[i + 1]!.anchors),
  ]);
  return { map0, ...Object.fromEntries(others) };
}

/**
 * The network up to its finest map, which shows faces of 28 to 110 pixels: all that large levels of a photo are looked
 * at for. Image and map as of {@link buildSsdMobilenet}.
 */
export function buildSsdFinestMap(root: ParameterScope, image: Value): { readonly map0: Value } {
  return { map0: buildFinest(root, image).map0 };
}

function buildFinest(root: ParameterScope, image: Value): { readonly features: Value; readonly map0: Value } {
  const stem = pointwise(root, 'MobilenetV1/Conv2d_0_pointwise', image, 32, { kernel: 3, stride: 2 });
  const features = separableBlocks(root, stem, 1, fineBlock);
  return { features, map0: predictor(root, 'Prediction/BoxPredictor_0', features, ssdMaps[0]!.anchors) };
}

/** The separable blocks from `first` to `last`, counted from 1. */
function separableBlocks(root: ParameterScope, x: Value, first: number, last: number): Value {
  let h = x;
  for (let block = first; block <= last; block++) {
    h = depthwise(root, `MobilenetV1/Conv2d_${block}_depthwise`, h, halvingBlocks.has(block) ? 2 : 1);
    h = pointwise(root, `MobilenetV1/Conv2d_${block}_pointwise`, h, widths[block - 1]!);
  }
  return h;
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

/** One convolution for boxes and the logit of a face: x [N, C, H, W] → [N, anchors·5, H, W]. */
function predictor(root: ParameterScope, key: string, x: Value, anchors: number): Value {
  const width = x.shape[1]!;
  const [boxes, logits] = [4 * anchors, classes * anchors];
  const weight = concat(
    [
      root.get(`${key}/BoxEncodingPredictor/weights`, [1, 1, width, boxes]),
      faces(root.get(`${key}/ClassPredictor/weights`, [1, 1, width, logits])),
    ],
    3,
  );
  const bias = concat(
    [
      root.get(`${key}/BoxEncodingPredictor/biases`, [boxes]),
      faces(root.get(`${key}/ClassPredictor/biases`, [logits])),
    ],
    0,
  );
  return conv(x, transpose(weight, [3, 2, 0, 1]), bias);
}

/** Of the logits along the last axis, those of a face. */
function faces(weight: Value): Value {
  const axis = weight.shape.length - 1;
  return slice(weight, axis, faceClass, weight.shape[axis]!, classes);
}
