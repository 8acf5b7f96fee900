/** The visual encoder: a one-dimensional convolutional network from CLIP's tokens to what stands for the text. */

import { add, attention, resizeNearest, silu, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, groupNorm } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { z } from '../../tensor/file-schema.ts';
import { layersOfBlock, width, widthsOfBlocks } from '../config-numbers.ts';

export const visualEncoderConfigSchema = z.object({
  /** Base width, multiplied by `ch_mult` level by level. */
  nf: width,
  /** Number of CLIP tokens. */
  emb_dim: width,
  ch_mult: z._default(widthsOfBlocks, [2, 4, 8]),
  res_blocks: z._default(layersOfBlock, 2),
  /** Number of context tokens. */
  out_channels: z._default(width, 77),
});
type VisualEncoderConfig = z.infer<typeof visualEncoderConfigSchema>;

const groups = 32;
const epsilon = 1e-6;
/** Blocks of this width are followed by attention. */
const attentionWidth = 512;
/**
 * Tokens are the channels, features the positions.
 * @param tokens [N, emb_dim, F]; F is 768 for CLIP ViT-B/16, and any multiple of three for towers of another width
 * @returns the context c_v [N, out_channels, F]
 */
export function buildVisualEncoder(root: ParameterScope, config: VisualEncoderConfig, tokens: Value): Value {
  let next = 0;
  const block = (): ParameterScope => root.at(`blocks.${next++}`);
  const widths = config.ch_mult.map((multiple) => config.nf * multiple).reverse();
  const features = tokens.shape[2]!;
  if (features % 3 !== 0)
    throw new RangeError(`The visual encoder needs a multiple of three features, not ${features}`);

  let h = convLayer(block(), tokens, widths[0]!);
  h = resize(block(), h, features);
  h = residual(block(), h, widths[0]!);
  h = selfAttention(block(), h);
  h = residual(block(), h, widths[0]!);
  widths.forEach((width, level) => {
    for (let i = 0; i < config.res_blocks; i++) {
      h = residual(block(), h, width);
      if (width === attentionWidth) h = selfAttention(block(), h);
    }
    if (level + 1 < widths.length) h = resize(block(), h, features);
  });
  h = groupNorm(block(), h, groups, epsilon);
  return convLayer(block(), h, config.out_channels);
}

/** Nearest resize of the feature axis, which goes round a third, two thirds and all of its extent; a convolution. */
function resize(p: ParameterScope, x: Value, features: number): Value {
  const size = x.shape[2]!;
  const next = size === features ? features / 3 : size + features / 3;
  return convLayer(p.at('conv'), resizeNearest(x, [next]), x.shape[1]!);
}

function residual(p: ParameterScope, x: Value, width: number): Value {
  let h = convLayer(p.at('conv1'), silu(groupNorm(p.at('norm1'), x, groups, epsilon)), width);
  h = convLayer(p.at('conv2'), silu(groupNorm(p.at('norm2'), h, groups, epsilon)), width);
  return add(h, x.shape[1] === width ? x : convLayer(p.at('conv_out'), x, width, { kernel: 1 }));
}

/** One head over the feature positions. */
function selfAttention(p: ParameterScope, x: Value): Value {
  const width = x.shape[1]!;
  const normal = groupNorm(p.at('norm'), x, groups, epsilon);
  const [q, k, v] = ['q', 'k', 'v'].map((part) =>
    transpose(convLayer(p.at(part), normal, width, { kernel: 1 }), [0, 2, 1]),
  ); // each [N, F, C]
  const attended = transpose(attention(q!, k!, v!, 1), [0, 2, 1]);
  return add(x, convLayer(p.at('proj_out'), attended, width, { kernel: 1 }));
}

/** A weight of each kind of block that has several. */
const partsOfBlock = ['conv.weight', 'conv1.weight', 'q.weight'];

/** The config of released weights, which come without one, read off their shapes; undefined if they are none of a visual encoder. */
export function inferVisualEncoderConfig(
  shapes: ReadonlyMap<string, readonly number[]>,
): z.input<typeof visualEncoderConfigSchema> | undefined {
  const first = shapes.get('blocks.0.weight');
  let count = 0;
  while (
    shapes.has(`blocks.${count}.weight`) ||
    partsOfBlock.some((part) => shapes.has(`blocks.${count}.${part}`))
  )
    count++;
  const last = shapes.get(`blocks.${count - 1}.weight`);
  if (first?.[1] === undefined || last?.[0] === undefined) return undefined;
  // Blocks 0 to 4 are the head; a block with `.conv.weight` resizes and ends a level.
  const levels: number[][] = [[]];
  for (let i = 5; i < count - 2; i++) {
    const residualShape = shapes.get(`blocks.${i}.conv1.weight`);
    if (residualShape) levels.at(-1)!.push(residualShape[0]!);
    else if (shapes.has(`blocks.${i}.conv.weight`)) levels.push([]);
  }
  const widths = levels.map((level) => level[0] ?? 0).reverse();
  return {
    nf: 1,
    emb_dim: first[1],
    ch_mult: widths,
    res_blocks: levels[0]!.length,
    out_channels: last[0],
  };
}
