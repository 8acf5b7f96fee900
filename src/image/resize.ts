/** Resizing of images and of planes of tensors, separably, with the pixel-centre conventions in common use. */

import { formatShape, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { applyTaps } from './axis-taps.ts';
import { checkSize, isBytePixels, type Pixels, toBytes, toFloatPixels } from './pixels.ts';
import { resizeBytesBilinear } from './resize-bytes.ts';
import { type ResizeMethod, resizeTaps } from './resize-taps.ts';

export type { ResizeMethod };

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes an image as OpenCV's `resize` does; bytes stay bytes (rounded half to even; `bilinear` in OpenCV's own
 * whole-number arithmetic), floats floats.
 * @throws {RangeError} if the size is not of positive integers, or `area` would enlarge a side
 */
export function resizePixels(pixels: Pixels, size: Size, method: ResizeMethod): Pixels {
  checkSize(size.width, size.height);
  if (method === 'bilinear' && isBytePixels(pixels))
    return resizeBytesBilinear(pixels, size.width, size.height);
  const { channels, height, width } = pixels;
  const data = resizePlanes(toFloatPixels(pixels).data, 1, { width, height }, channels, size, method);
  return { ...size, channels, data: isBytePixels(pixels) ? toBytes(data) : data };
}

/**
 * Resizes the last two axes of a tensor [..., H, W]. `bicubic` is PyTorch's `interpolate` with
 * `align_corners=False` and no antialiasing.
 * @throws {RangeError} if the tensor has fewer than two axes, the size is not of positive integers, or
 *   `area` would enlarge a side
 */
export function resizeTensor(tensor: HostTensor, size: Size, method: ResizeMethod): HostTensor {
  checkSize(size.width, size.height);
  if (tensor.shape.length < 2)
    throw new RangeError(
      `Cannot resize a tensor of shape ${formatShape(tensor.shape)}: it has no H and W axes`,
    );
  const [height = 0, width = 0] = tensor.shape.slice(-2);
  const outer = tensor.data.length / (height * width);
  const data = resizePlanes(tensor.data, outer, { width, height }, 1, size, method);
  return hostTensor([...tensor.shape.slice(0, -2), size.height, size.width], data);
}

/** Resizes [outer, height, width, inner] along height and width, first along the one that shrinks more. */
function resizePlanes(
  data: Float32Array,
  outer: number,
  from: Size,
  inner: number,
  to: Size,
  method: ResizeMethod,
): Float32Array {
  const columns = resizeTaps(from.width, to.width, method);
  const rows = resizeTaps(from.height, to.height, method);
  if (to.height * from.width < from.height * to.width) {
    const short = applyTaps(data, rows, outer, from.height, from.width * inner);
    return applyTaps(short, columns, outer * to.height, from.width, inner);
  }
  const narrow = applyTaps(data, columns, outer * from.height, from.width, inner);
  return applyTaps(narrow, rows, outer, from.height, to.width * inner);
}
