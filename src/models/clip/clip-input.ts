import { resizeTensor } from '../../image/resize.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';

/** CLIP's channel means and deviations, of images in [0, 1]. */
const mean = [0.48145466, 0.4578275, 0.40821073];
const deviation = [0.26862954, 0.26130258, 0.27577711];

/**
 * What CLIP's image tower takes: the shorter side resized to `size` (bicubic on the tensor, no antialiasing), the
 * centre cut out, normalised.
 * @param image [B, 3, H, W] in [-1, 1]
 * @returns [B, 3, size, size]
 */
export function clipInput(image: HostTensor, size: number): HostTensor {
  const [batch, , height, width] = image.shape as [number, number, number, number];
  const shorter = Math.min(height, width);
  const scaled = (side: number): number => (side === shorter ? size : Math.floor((size * side) / shorter));
  const resized = resizeTensor(image, { width: scaled(width), height: scaled(height) }, 'bicubic');
  const [, , fullHeight, fullWidth] = resized.shape as [number, number, number, number];
  const top = Math.round((fullHeight - size) / 2);
  const left = Math.round((fullWidth - size) / 2);
  const output = hostTensor([batch, 3, size, size]);
  for (let plane = 0; plane < batch * 3; plane++) {
    const c = plane % 3;
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const value = resized.data[(plane * fullHeight + y + top) * fullWidth + x + left]!;
        output.data[(plane * size + y) * size + x] = ((value + 1) / 2 - mean[c]!) / deviation[c]!;
      }
  }
  return output;
}
