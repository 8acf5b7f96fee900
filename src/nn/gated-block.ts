/** A residual block that starts as the identity. */
import { add, mul, reshape, silu } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { convLayer, groupNorm } from './layers.ts';
import type { ParameterScope } from './parameter-scope.ts';

/**
 * x + gate ⊙ conv(silu(conv(norm(x)))), with one normalisation and one gate a channel. Gates start at zero, so that
 * a new network passes on what it is given (Bachlechner et al. 2021, arXiv:2003.04887).
 * @param x [N, C, H, W]; `groups` divides C
 * @returns [N, C, H, W]
 */
export function gatedBlock(p: ParameterScope, x: Value, groups: number, epsilon: number): Value {
  const channels = x.shape[1]!;
  const hidden = silu(convLayer(p.at('conv1'), groupNorm(p.at('norm1'), x, groups, epsilon), channels));
  const change = convLayer(p.at('conv2'), hidden, channels);
  return add(x, mul(change, reshape(p.get('gate', [channels]), [1, channels, 1, 1])));
}
