/** Learned perceptual image patch similarity (Zhang et al. 2018, arXiv:1801.03924), by the lpips package's weight names. */
import { add, constant, conv, div, mul, reduceMean, reduceSum, sqrt, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { buildAlexnet } from '../alexnet/alexnet.ts';
import { buildVgg, imagenetNormalise, lastActivations, vggWidths } from '../vgg/vgg.ts';

/** The networks whose features are compared: AlexNet or VGG16. */
export const lpipsTrunks = ['alex', 'vgg'] as const;
export type LpipsTrunk = (typeof lpipsTrunks)[number];

interface LpipsNetworks {
  /** The trunk's weights. */
  readonly trunk: ParameterScope;
  /** The metric's linear layers. */
  readonly linear: ParameterScope;
}

export interface LpipsOptions {
  /** VGG16 unless given. */
  readonly trunk?: LpipsTrunk;
  /** Widths of VGG16's blocks. */
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
 * @param a [N, 3, H, W] in [-1, 1]
 * @param b the same
 * @returns a scalar
 */
export function buildLpips(networks: LpipsNetworks, a: Value, b: Value, options: LpipsOptions): Value {
  return buildLpipsTerms(networks, a, b, options).terms.reduce((sum, term) => add(sum, term));
}

/** The distance of each layer, a scalar each, and the layers' activations for both batches. */
export function buildLpipsTerms(
  networks: LpipsNetworks,
  a: Value,
  b: Value,
  { trunk = 'vgg', widths = vggWidths, doubleNormalisation }: LpipsOptions,
): { readonly terms: Value[]; readonly a: Value[]; readonly b: Value[] } {
  const features = (image: Value): Value[] => {
    const input = doubleNormalisation ? imagenetNormalise(image) : image;
    const scaled = div(sub(input, perChannel(shift)), perChannel(scale));
    return trunk === 'alex'
      ? buildAlexnet(networks.trunk, scaled)
      : lastActivations(buildVgg(networks.trunk, scaled, 16, widths), 16);
  };
  const left = features(a);
  const right = features(b);
  const terms = left.map((feature, layer) => {
    const difference = sub(unitLength(feature), unitLength(right[layer]!));
    const weight = networks.linear.get(`lin${layer}.model.1.weight`, [1, feature.shape[1]!, 1, 1]);
    return reduceMean(conv(mul(difference, difference), weight)); // over images and positions
  });
  return { terms, a: left, b: right };
}

/** Features divided by their length over the channels. */
function unitLength(x: Value): Value {
  // The root of zero has no gradient: ε² under it changes no other value in float32.
  const length = sqrt(add(reduceSum(mul(x, x), [1], true), epsilon ** 2));
  return div(x, add(length, epsilon));
}
