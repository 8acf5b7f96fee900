import { maxPool, relu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

/** Convolutions of each of VGG16's five blocks. */
const vgg16Blocks = [2, 2, 3, 3, 3];
export const vgg16Widths = [64, 128, 256, 512, 512];

/**
 * The last activation of each block of VGG16, by torchvision's weight names.
 * @param image [N, 3, H, W], normalised
 * @param widths of the five blocks; VGG16's unless given
 * @see Simonyan & Zisserman 2015, arXiv:1409.1556
 */
export function buildVgg16(
  root: ParameterScope,
  image: Value,
  widths: readonly number[] = vgg16Widths,
): Value[] {
  const p = root.at('features');
  let index = 0;
  let h = image;
  return vgg16Blocks.map((count, block) => {
    if (block > 0) {
      h = maxPool(h, { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] });
      index += 1;
    }
    for (let i = 0; i < count; i++) {
      h = relu(convLayer(p.at(`${index}`), h, widths[block]!));
      index += 2; // the convolution and its activation
    }
    return h;
  });
}
