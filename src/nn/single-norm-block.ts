import { add, silu } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { convLayer, groupNorm } from './layers.ts';
import type { ParameterScope } from './parameter-scope.ts';

/**
 * A residual block with one normalisation, cheaper than Stable Diffusion's with two: x + conv(silu(conv(norm(x)))).
 * @param x [N, C, H, W]; `groups` divides C
 * @returns [N, C, H, W]
 */
export function singleNormBlock(p: ParameterScope, x: Value, groups: number, epsilon: number): Value {
  const channels = x.shape[1]!;
  const hidden = silu(convLayer(p.at('conv1'), groupNorm(p.at('norm1'), x, groups, epsilon), channels));
  return add(x, convLayer(p.at('conv2'), hidden, channels));
}
