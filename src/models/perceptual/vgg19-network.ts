/** Squared differences of VGG19's features (Johnson et al. 2016, arXiv:1603.08155), the paper's perceptual loss. */

import { add, input, mul, reduceMean, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { parameterScope, prefixOf } from '../../nn/parameter-scope.ts';
import { matchStored, type StoredNetwork } from '../match-stored.ts';
import { buildVgg, imagenetNormalise, inferVggWidths, unusedVggWeights } from '../vgg/vgg.ts';
import type { PerceptualNetwork } from './perceptual-network.ts';

/**
 * Weight of each layer. The paper names none: these are the last convolutions before the poolings, with the weights
 * that image restoration commonly gives them.
 */
const vgg19Layers: Readonly<Record<string, number>> = {
  conv1_2: 0.1,
  conv2_2: 0.1,
  conv3_4: 1,
  conv4_4: 1,
  conv5_4: 1,
};

export interface Vgg19Options {
  /** Weights of layers such as `conv3_4` (before the activation) and `relu3_4`. */
  readonly layers?: Readonly<Record<string, number>>;
}

/**
 * Σ over layers of weight · mean (Φ(a) − Φ(b))².
 * @param vgg torchvision's `vgg19` weights
 * @throws {RangeError} for a layer that VGG19 does not have, {CheckpointError} if a weight is missing or misshapen
 */
export async function createVgg19Network(
  vgg: StoredNetwork,
  { layers = vgg19Layers }: Vgg19Options = {},
): Promise<PerceptualNetwork> {
  const name = 'vgg19';
  const root = parameterScope(name);
  const widths = inferVggWidths((key) => vgg.tensors.get(key)?.entry.shape, 19);
  const features = (image: Value) => buildVgg(root, imagenetNormalise(image), 19, widths);
  const distance = (a: Value, b: Value): Value => {
    const left = features(a);
    const right = features(b);
    const terms = Object.entries(layers).map(([layer, weight]) => {
      if (!left.has(layer))
        throw new RangeError(
          `Cannot compare images by VGG19's layer ${layer}: it has ${[...left.keys()].join(', ')}`,
        );
      const difference = sub(left.get(layer)!, right.get(layer)!);
      return mul(reduceMean(mul(difference, difference)), weight);
    });
    if (terms.length === 0)
      throw new RangeError('Cannot compare images by no layer of VGG19: name at least one, such as conv5_4');
    return terms.reduce((sum, term) => add(sum, term));
  };
  const shape = [1, 3, 16, 16];
  const sample = distance(input('a', shape), input('b', shape));
  return {
    name: 'VGG19',
    distance,
    bind: await matchStored([sample], name, vgg, 'VGG19 network', unusedVggWeights),
    owns: (parameter) => prefixOf(parameter) === name,
  };
}
