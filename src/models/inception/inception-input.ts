import { pixelsToTensor } from '../../image/pixel-tensor.ts';
import type { Pixels } from '../../image/pixels.ts';
import { resizeTensor } from '../../image/resize.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { inceptionSize } from './inception.ts';

/**
 * What FID's Inception takes of a picture, as pytorch-fid and BasicSR prepare it: [-1, 1], resized bilinearly without
 * antialiasing whatever its shape. (clean-fid resizes with antialiasing and gives other values.)
 * @returns [1, 3, 299, 299]
 */
export function inceptionInput(picture: Pixels): HostTensor {
  return resizeTensor(pixelsToTensor(picture), { width: inceptionSize, height: inceptionSize }, 'bilinear');
}
