import { elementCount } from '../tensor/host-tensor.ts';
import { constant, matmul, reshape, transpose } from './ops.ts';
import type { Value } from './value.ts';

/**
 * w [O, C/groups, …k] with its spatial axes reversed and the channel axes of each group swapped: [C, O/groups, …k]. The
 * kernel of a convolution's gradient by its input, and of a transposed convolution written as a convolution.
 */
export function flipKernel(w: Value, groups = 1): Value {
  const [outChannels, perGroup, ...kernel] = w.shape as [number, number, ...number[]];
  const taps = elementCount(kernel);
  const reversal = new Float32Array(taps * taps);
  for (let i = 0; i < taps; i++) reversal[i * taps + taps - 1 - i] = 1;
  const reversed = matmul(reshape(w, [outChannels * perGroup, taps]), constant([taps, taps], reversal));
  const swapped = transpose(reshape(reversed, [groups, outChannels / groups, perGroup, taps]), [0, 2, 1, 3]);
  return reshape(swapped, [groups * perGroup, outChannels / groups, ...kernel]);
}
