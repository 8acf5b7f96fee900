/** Tells the parts of a face apart, by the weight names of facexlib's `parsing_parsenet.pth`. */
import { add, leakyRelu, pad, resizeNearest } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { runningBatchNorm } from '../../nn/batch-norm.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { countParts } from '../match-stored.ts';

interface ParsenetConfig {
  /** How often the image is halved, and doubled again. */
  readonly halvings: number;
  /** Channels at full size; they double with each halving, up to `mostWidth`. */
  readonly width: number;
  readonly mostWidth: number;
  /** Residual blocks at the smallest size. */
  readonly blocks: number;
}

/** Side of the image that the published network was trained on, in pixels. */
export const parsenetImageSize = 512;

/** Reads the sizes off stored weights; where one is missing, as it is published. */
export function inferParsenetConfig(shapes: ReadonlyMap<string, Shape>): ParsenetConfig {
  return {
    halvings: countParts(shapes.keys(), 'decoder') || 4,
    width: shapes.get('encoder.0.conv2d.weight')?.[0] ?? 64,
    mostWidth: shapes.get('body.0.conv1.conv2d.weight')?.[0] ?? 256,
    blocks: countParts(shapes.keys(), 'body') || 10,
  };
}

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
 * @param image [N, 3, S, S], RGB in [-1, 1]; S a multiple of 2^halvings
 * @returns [N, 19, S, S]; each pixel's class is the largest
 */
export function buildParsenet(
  root: ParameterScope,
  { halvings, width, mostWidth, blocks }: ParsenetConfig,
  image: Value,
): Value {
  const widthAt = (step: number): number => Math.min(width * 2 ** step, mostWidth);
  let h = reflectConv(root.at('encoder.0'), image, width);
  for (let step = 1; step <= halvings; step++)
    h = residualBlock(root.at(`encoder.${step}`), h, widthAt(step), 'down');
  const encoded = h;
  for (let i = 0; i < blocks; i++) h = residualBlock(root.at(`body.${i}`), h, widthAt(halvings), 'none');
  h = add(encoded, h);
  for (let step = 1; step <= halvings; step++)
    h = residualBlock(root.at(`decoder.${step - 1}`), h, widthAt(halvings - step), 'up');
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
