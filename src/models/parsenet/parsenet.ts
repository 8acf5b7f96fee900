/** Tells the parts of a face apart, by the weight names of facexlib's `parsing_parsenet.pth`. */
import { add, leakyRelu, pad, resizeNearest } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { runningBatchNorm } from '../../nn/batch-norm.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

export interface ParsenetConfig {
  /** Side of the image in pixels. */
  readonly size: number;
  /** Side that it is halved down to. */
  readonly smallestSize: number;
  /** Channels at full size; they double with each halving, within `widthRange`. */
  readonly width: number;
  readonly widthRange: readonly [least: number, most: number];
  /** Residual blocks at the smallest size. */
  readonly blocks: number;
}

/** As it is published. */
export const parsenetConfig: ParsenetConfig = {
  size: 512,
  smallestSize: 32,
  width: 64,
  widthRange: [32, 256],
  blocks: 10,
};

/** Classes by their number, those of CelebAMask-HQ; left and right are the person's own. */
export const parsenetClasses = [
  'background',
  'skin',
  'nose',
  'glasses',
  'left eye',
  'right eye',
  'left brow',
  'right brow',
  'left ear',
  'right ear',
  'mouth',
  'upper lip',
  'lower lip',
  'hair',
  'hat',
  'earring',
  'necklace',
  'neck',
  'cloth',
] as const;

/** Weights that the file holds and the classes do not need: a second output, an image; counters of training. */
export const unusedParsenetWeights = /^out_img_conv\.|num_batches_tracked$/;

const slope = 0.2;

type Scale = 'down' | 'up' | 'none';

/**
 * @param image [N, 3, S, S], RGB in [-1, 1]
 * @returns [N, 19, S, S]; each pixel's class is the largest
 */
export function buildParsenet(
  root: ParameterScope,
  { size, smallestSize, width, widthRange, blocks }: ParsenetConfig,
  image: Value,
): Value {
  const [least, most] = widthRange;
  const steps = Math.log2(size / smallestSize);
  const widthAt = (step: number): number => Math.max(least, Math.min(width * 2 ** step, most));
  let h = reflectConv(root.at('encoder.0'), image, width);
  for (let step = 1; step <= steps; step++)
    h = residualBlock(root.at(`encoder.${step}`), h, widthAt(step), 'down');
  const encoded = h;
  for (let i = 0; i < blocks; i++) h = residualBlock(root.at(`body.${i}`), h, widthAt(steps), 'none');
  h = add(encoded, h);
  for (let step = 1; step <= steps; step++)
    h = residualBlock(root.at(`decoder.${step - 1}`), h, widthAt(steps - step), 'up');
  return reflectConv(root.at('out_mask_conv'), h, parsenetClasses.length);
}

/** Halves in its second convolution, doubles before its first. */
function residualBlock(p: ParameterScope, x: Value, width: number, scale: Scale): Value {
  const shortcut =
    scale === 'none' && x.shape[1] === width ? x : reflectConv(p.at('shortcut_func'), x, width, scale);
  const first = p.at('conv1');
  const second = p.at('conv2');
  let h = reflectConv(first, x, width, scale === 'up' ? 'up' : 'none', false);
  h = leakyRelu(runningBatchNorm(first.at('norm.norm'), h), slope);
  h = reflectConv(second, h, width, scale === 'down' ? 'down' : 'none', false);
  return add(shortcut, runningBatchNorm(second.at('norm.norm'), h));
}

/** A 3×3 convolution over an image that is mirrored at its edges. */
function reflectConv(p: ParameterScope, x: Value, width: number, scale: Scale = 'none', bias = true): Value {
  const [, , height, columns] = x.shape as [number, number, number, number];
  const scaled = scale === 'up' ? resizeNearest(x, [2 * height, 2 * columns]) : x;
  const padded = pad(scaled, [0, 0, 1, 1, 0, 0, 1, 1], 'reflect');
  return convLayer(p.at('conv2d'), padded, width, { padding: 0, stride: scale === 'down' ? 2 : 1, bias });
}
