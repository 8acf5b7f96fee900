/** Learned perceptual image patch similarity (Zhang et al. 2018, arXiv:1801.03924), by the lpips package's weight names. */
import { add, constant, conv, div, mul, reduceMean, reduceSum, sqrt, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { buildVgg, imagenetNormalise, lastActivations, vggWidths } from '../vgg/vgg.ts';

export interface LpipsOptions {
  readonly widths?: readonly number[];
  /**
   * Map images to [0, 1] and normalise them by ImageNet's statistics before the metric's own normalisation, as the
   * published training code does. The metric alone expects [-1, 1].
   */
  readonly doubleNormalisation: boolean;
}

const perChannel = (values: readonly number[]): Value => constant([1, 3, 1, 1], values);
/** The metric's own normalisation of [-1, 1]. */
const shift = [-0.03, -0.088, -0.188];
const scale = [0.458, 0.448, 0.45];
const epsilon = 1e-10;

/**
 * The mean distance of two batches of images.
 * @param networks scopes of VGG16's weights and of the metric's linear layers
 * @param a [N, 3, H, W] in [-1, 1]
 * @param b the same
 * @returns a scalar
 */
export function buildLpips(
  networks: { readonly vgg: ParameterScope; readonly linear: ParameterScope },
  a: Value,
  b: Value,
  { widths = vggWidths, doubleNormalisation }: LpipsOptions,
): Value {
  const features = (image: Value): Value[] => {
    const input = doubleNormalisation ? imagenetNormalise(image) : image;
    const scaled = div(sub(input, perChannel(shift)), perChannel(scale));
    return lastActivations(buildVgg(networks.vgg, scaled, 16, widths), 16).map(unitLength);
  };
  const left = features(a);
  const right = features(b);
  const distances = left.map((feature, layer) => {
    const difference = sub(feature, right[layer]!);
    const weight = networks.linear.get(`lin${layer}.model.1.weight`, [1, widths[layer]!, 1, 1]);
    return reduceMean(conv(mul(difference, difference), weight)); // over images and positions
  });
  return distances.reduce((sum, distance) => add(sum, distance));
}

/** Features divided by their length over the channels. */
function unitLength(x: Value): Value {
  // The root of zero has no gradient: ε² under it changes no other value in float32.
  const length = sqrt(add(reduceSum(mul(x, x), [1], true), epsilon ** 2));
  return div(x, add(length, epsilon));
}
