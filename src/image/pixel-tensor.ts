/** Between images and the tensors that networks take: 0..255 interleaved and [-1, 1] planar. */

import { formatShape, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { type BytePixels, type ChannelCount, type Pixels, toBytes } from './pixels.ts';

const { fround } = Math;

/**
 * The image as v/255 mapped to [-1, 1], step by step in float32 as the published code computes it.
 * @param pixels gray is repeated to three channels, alpha left out
 * @returns [1, 3, height, width]
 */
export function pixelsToTensor(pixels: Pixels): HostTensor {
  const { width, height, channels, data } = pixels;
  const area = width * height;
  const tensor = hostTensor([1, 3, height, width]);
  for (let channel = 0; channel < 3; channel++) {
    const plane = tensor.data.subarray(channel * area, (channel + 1) * area);
    const first = channels === 1 ? 0 : channel;
    if (data instanceof Float32Array)
      for (let i = 0; i < area; i++) plane[i] = signed(data[i * channels + first]!);
    else for (let i = 0; i < area; i++) plane[i] = signedBytes[data[i * channels + first]!]!;
  }
  return tensor;
}

const signed = (value: number): number => fround(fround(value / 255) - 0.5) * 2;
const signedBytes = Float32Array.from({ length: 256 }, (_, value) => signed(value));

/**
 * The 8-bit image of a tensor in [-1, 1]: clamped, then rounded half to even.
 * @param tensor [1, 1, H, W] (gray) or [1, 3, H, W] (RGB)
 * @throws {RangeError} for another shape
 */
export function tensorToPixels(tensor: HostTensor): BytePixels {
  const [batch, channels = 0, height = 0, width = 0] = tensor.shape;
  if (tensor.shape.length !== 4 || batch !== 1 || (channels !== 1 && channels !== 3))
    throw new RangeError(
      `Cannot make an image of a tensor of shape ${formatShape(tensor.shape)}: expected [1, 1 or 3, H, W]`,
    );
  const area = height * width;
  const interleaved = new Float32Array(area * channels);
  for (let channel = 0; channel < channels; channel++) {
    const plane = tensor.data.subarray(channel * area, (channel + 1) * area);
    for (let i = 0; i < area; i++) {
      const clamped = Math.min(1, Math.max(-1, plane[i]!));
      interleaved[i * channels + channel] = (fround(clamped + 1) / 2) * 255;
    }
  }
  return { width, height, channels: channels as ChannelCount, data: toBytes(interleaved) };
}
