/** Convolutions, in the layout of images that the machine has the fastest kernels for. */
import { elementCount } from '../../tensor/host-tensor.ts';
import type { ConvAttributes, Value } from '../value.ts';
import type { Emitter } from './emitter.ts';

/** ONNX Runtime's operators on images whose channels stand side by side in blocks, NCHWc. */
const blocked = 'com.microsoft.nchwc';

/** Where an image has fewer positions, laying out the weights costs what the faster kernels save. */
const leastPositions = 1024;

/** The attributes of ONNX's Conv. */
export const convolution = ({ strides, pads, dilations, groups }: ConvAttributes) => ({
  strides,
  pads,
  dilations,
  group: groups,
});

/** inputs: x [N, C, …], weight [O, C/groups, …] and, if there is one, bias [O] */
export function emitConvolution(emitter: Emitter, inputs: readonly string[], value: Value<'Conv'>): string {
  const { convolutionBlock: block } = emitter;
  if (block === undefined || !gains(value, block))
    return emitter.node('Conv', inputs, convolution(value.attributes));
  const [outChannels, channels, ...kernel] = value.inputs[1]!.shape as [number, number, ...number[]];
  const [x, weight, ...bias] = inputs as [string, string, string?];
  const image = emitter.node('ReorderInput', [x], {}, blocked);
  const weights = emitBlocks(emitter, weight, [outChannels, channels, ...kernel], block);
  const attributes = { ...convolution(value.attributes), kernel_shape: kernel };
  const y = emitter.node('Conv', [image, weights, ...(bias as string[])], attributes, blocked);
  return emitter.node('ReorderOutput', [y], { channels: outChannels }, blocked);
}

/** Pointwise convolutions are plain matrix products, which are fast in any layout. */
function gains({ inputs: [x, weight], shape, attributes }: Value<'Conv'>, block: number): boolean {
  const [outChannels, channels, ...kernel] = weight!.shape as [number, number, ...number[]];
  return (
    attributes.groups === 1 &&
    kernel.length === 2 &&
    elementCount(kernel) > 1 &&
    channels % block === 0 &&
    outChannels % block === 0 &&
    x!.shape[0]! * elementCount(shape.slice(2)) >= leastPositions
  );
}

/** weight [O, C, …k] → [O/b, C/b, …k, b of C, b of O], named by the shape that it came in */
function emitBlocks(
  emitter: Emitter,
  weight: string,
  [outChannels, channels, ...kernel]: readonly [number, number, ...number[]],
  block: number,
): string {
  const reshape = (x: string, shape: readonly number[]): string =>
    emitter.node('Reshape', [x, emitter.integers(shape)]);
  const taps = elementCount(kernel);
  // Output channels go last, then taps before input channels: two moves of one axis each, which are fast.
  const rows = reshape(weight, [outChannels / block, block, channels * taps]);
  const columns = emitter.node('Transpose', [rows], { perm: [0, 2, 1] });
  const blocks = reshape(columns, [-1, block, taps, block]);
  const tapsFirst = emitter.node('Transpose', [blocks], { perm: [0, 2, 1, 3] });
  return reshape(tapsFirst, [outChannels, channels, ...kernel]);
}
