/** AlexNet's convolutions (Krizhevsky 2014, arXiv:1404.5997), by torchvision's weight names. */
import { maxPool, relu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

/** Widths of the five convolutions of the published network. */
const alexnetWidths = [64, 192, 384, 256, 256] as const;

/** Published files also hold the classifier. */
export const unusedAlexnetWeights = /^classifier\./;

const shrink = (x: Value): Value => maxPool(x, { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] });

/**
 * The five activations.
 * @param image [N, 3, H, W], normalised; 32 pixels or more on each side
 */
export function buildAlexnet(root: ParameterScope, image: Value): Value[] {
  const p = root.at('features');
  const layer = (index: number, x: Value, width: number, kernel = 3): Value =>
    relu(convLayer(p.at(`${index}`), x, width, { kernel }));
  const [w1, w2, w3, w4, w5] = alexnetWidths;
  const relu1 = relu(convLayer(p.at('0'), image, w1, { kernel: 11, stride: 4, padding: 2 }));
  const relu2 = layer(3, shrink(relu1), w2, 5);
  const relu3 = layer(6, shrink(relu2), w3);
  const relu4 = layer(8, relu3, w4);
  return [relu1, relu2, relu3, relu4, layer(10, relu4, w5)];
}
