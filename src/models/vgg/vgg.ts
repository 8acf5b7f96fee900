/** VGG16 and VGG19 (Simonyan & Zisserman 2015, arXiv:1409.1556), by torchvision's weight names. */
import { constant, maxPool, mul, relu, sub } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

/** Convolutions of each of the five blocks. */
const blocks = { 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] } as const;
type VggDepth = keyof typeof blocks;

/** Widths of the five blocks of the published networks. */
export const vggWidths = [64, 128, 256, 512, 512] as const;

/** Published VGG files also hold a classifier, and layers beyond those that a feature needs. */
export const unusedVggWeights = /^(features|classifier)\./;

/**
 * The outputs of every layer, `conv1_1` (before the activation), `relu1_1` and so on: block, then layer, from 1.
 * @param image [N, 3, H, W], normalised; 16 pixels or more on each side
 * @param widths of the five blocks
 */
export function buildVgg(
  root: ParameterScope,
  image: Value,
  depth: VggDepth,
  widths: readonly number[] = vggWidths,
): ReadonlyMap<string, Value> {
  const p = root.at('features');
  const outputs = new Map<string, Value>();
  let h = image;
  for (const { block, layer, index } of vggLayers(depth)) {
    if (layer === 1 && block > 1) h = maxPool(h, { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] });
    const convolved = convLayer(p.at(`${index}`), h, widths[block - 1]!);
    h = relu(convolved);
    outputs.set(`conv${block}_${layer}`, convolved).set(`relu${block}_${layer}`, h);
  }
  return outputs;
}

/** The last activation of each block. */
export function lastActivations(outputs: ReadonlyMap<string, Value>, depth: VggDepth): Value[] {
  return blocks[depth].map((count, i) => outputs.get(`relu${i + 1}_${count}`)!);
}

/** Widths of the five blocks as stored weights have them; where one is missing, the published network's. */
export function inferVggWidths(shapeOf: (key: string) => Shape | undefined, depth: VggDepth): number[] {
  const firstLayers = [...vggLayers(depth)].filter(({ layer }) => layer === 1);
  return firstLayers.map(({ index }, i) => shapeOf(`features.${index}.weight`)?.[0] ?? vggWidths[i]!);
}

/** Each convolution and its number in torchvision's list, where activations and poolings count too. */
function* vggLayers(depth: VggDepth): Generator<{ block: number; layer: number; index: number }> {
  let index = 0;
  for (const [i, count] of blocks[depth].entries()) {
    for (let layer = 1; layer <= count; layer++, index += 2) yield { block: i + 1, layer, index };
    index += 1; // the pooling
  }
}

const perChannel = (values: readonly number[]): Value => constant([1, 3, 1, 1], values);

/** From [-1, 1] to what networks trained on ImageNet expect: zero mean and unit deviation of its pixels in [0, 1]. */
export function imagenetNormalise(image: Value): Value {
  // ((x + 1)/2 − mean)/deviation
  const centre = perChannel([0.485, 0.456, 0.406].map((mean) => 2 * mean - 1));
  const scale = perChannel([0.229, 0.224, 0.225].map((deviation) => 0.5 / deviation));
  return mul(sub(image, centre), scale);
}
