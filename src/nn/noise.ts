import { add, constant, mul, reshape } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { ParameterScope } from './parameter-scope.ts';

/** Large, so that small steps of a channel's weight count. */
const deviation = 32;

/**
 * Adds one fixed picture of normal noise to every channel of x [N, C, H, W], as strongly as the channel's weight `noise` [C] says: what
 * texture can be made of that is nowhere in the features, and that would otherwise be made of the grid of their positions.
 * @see Karras et al. 2019 (StyleGAN), arXiv:1812.04948, section 3.2
 */
export function addNoise(p: ParameterScope, x: Value): Value {
  const [, channels, height, width] = x.shape as [number, number, number, number];
  const noise = new RandomStream(height).fillNormal(new Float32Array(height * width));
  const picture = constant(
    [height, width],
    noise.map((value) => deviation * value),
  );
  return add(x, mul(picture, reshape(p.get('noise', [channels]), [channels, 1, 1])));
}
