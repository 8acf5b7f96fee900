/**
 * Enlarges photos: residual-in-residual dense blocks, by the weight names of Real-ESRGAN's released files.
 * @see Wang et al. 2018, arXiv:1809.00219; Wang et al. 2021, arXiv:2107.10833
 */
import { add, concat, leakyRelu, mul, reshape, resizeNearest, transpose } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { countParts } from '../match-stored.ts';

interface RrdbnetConfig {
  /** Sides of the result over those of the image. */
  readonly scale: 1 | 2 | 4;
  /** Channels of the trunk. */
  readonly width: number;
  /** Channels that each convolution of a dense block adds. */
  readonly growth: number;
  readonly blocks: number;
}

/** Without it the trunk would see the image at full size: its pixels are folded into channels first. */
const trunkScale = 4;
const slope = 0.2;
const residualScale = 0.2;
/** Convolutions of a dense block, and dense blocks of a residual block. */
const denseLayers = 5;
const denseBlocks = 3;

/** Reads the sizes off stored weights; where one is missing, as Real-ESRGAN x4plus has it. */
export function inferRrdbnetConfig(shapes: ReadonlyMap<string, Shape>): RrdbnetConfig {
  const [width = 64, channels = 3] = shapes.get('conv_first.weight') ?? [];
  const scale = channels === 48 ? 1 : channels === 12 ? 2 : 4;
  const growth = shapes.get('body.0.rdb1.conv1.weight')?.[0] ?? 32;
  return { scale, width, growth, blocks: countParts(shapes.keys(), 'body') || 23 };
}

/**
 * @param image [N, 3, H, W], RGB in [0, 1]; H and W multiples of 4 / `scale`
 * @returns [N, 3, scale·H, scale·W], which may reach beyond [0, 1]
 */
export function buildRrdbnet(
  root: ParameterScope,
  { scale, width, growth, blocks }: RrdbnetConfig,
  image: Value,
): Value {
  const first = convLayer(root.at('conv_first'), pixelUnshuffle(image, trunkScale / scale), width);
  let h = first;
  for (let i = 0; i < blocks; i++) h = residualBlock(root.at(`body.${i}`), h, growth);
  h = add(first, convLayer(root.at('conv_body'), h, width));
  for (const key of ['conv_up1', 'conv_up2']) {
    const [height, columns] = h.shape.slice(2) as [number, number];
    const doubled = resizeNearest(h, [2 * height, 2 * columns]);
    h = leakyRelu(convLayer(root.at(key), doubled, width), slope);
  }
  h = leakyRelu(convLayer(root.at('conv_hr'), h, width), slope);
  return convLayer(root.at('conv_last'), h, 3);
}

function residualBlock(p: ParameterScope, x: Value, growth: number): Value {
  let h = x;
  for (let i = 1; i <= denseBlocks; i++) h = denseBlock(p.at(`rdb${i}`), h, growth);
  return add(mul(h, residualScale), x);
}

/** Each convolution sees the input and what all before it gave. */
function denseBlock(p: ParameterScope, x: Value, growth: number): Value {
  let seen = x;
  for (let i = 1; i < denseLayers; i++) {
    const grown = leakyRelu(convLayer(p.at(`conv${i}`), seen, growth), slope);
    seen = concat([seen, grown], 1);
  }
  const last = convLayer(p.at(`conv${denseLayers}`), seen, x.shape[1]!);
  return add(mul(last, residualScale), x);
}

/** [N, C, H, W] → [N, C·f², H/f, W/f]: channel, then row and column within the f × f cell. */
function pixelUnshuffle(x: Value, factor: number): Value {
  if (factor === 1) return x;
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const cells = reshape(x, [batch, channels, height / factor, factor, width / factor, factor]);
  const folded = transpose(cells, [0, 1, 3, 5, 2, 4]); // [N, C, f, f, H/f, W/f]
  return reshape(folded, [batch, channels * factor ** 2, height / factor, width / factor]);
}
