/**
 * Inception v3 (Szegedy et al. 2016, arXiv:1512.00567) with the weights that FID is defined by: the 2015 network with
 * 1,008 classes, by pytorch-fid's weight names.
 */
import { averagePool, concat, maxPool, reduceMean, relu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { runningBatchNormWith } from '../../nn/batch-norm.ts';
import { type ConvLayerOptions, convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

/** The side of the square that the network sees, in pixels. */
export const inceptionSize = 299;

/** The classifier, which features do not need, and counters of training. */
export const unusedInceptionWeights = /^fc\.|\.num_batches_tracked$/;

/** Width of the two branches of each of the four blocks of 17 × 17. */
const middleWidths = { Mixed_6b: 128, Mixed_6c: 160, Mixed_6d: 160, Mixed_6e: 192 };

const normalise = runningBatchNormWith(1e-3);
const wide = (extent: number): ConvLayerOptions => ({ kernel: [1, extent] });
const tall = (extent: number): ConvLayerOptions => ({ kernel: [extent, 1] });
const point: ConvLayerOptions = { kernel: 1 };
const five: ConvLayerOptions = { kernel: 5 };
const halving: ConvLayerOptions = { stride: 2, padding: 0 };

interface InceptionFeatures {
  /** After the first max pooling, [N, 64, 73, 73] of 299 × 299. */
  readonly block0: Value;
  /** After the second, [N, 192, 35, 35]. */
  readonly block1: Value;
  /** Before the last two resolutions' blocks, [N, 768, 17, 17]. */
  readonly block2: Value;
  /** The mean over positions of the last block: what FID compares, [N, 2048]. */
  readonly pool3: Value;
}

/** @param image [N, 3, H, W] in [-1, 1]; 299 × 299 for FID */
export function buildInception(root: ParameterScope, image: Value): InceptionFeatures {
  const layer = (name: string, x: Value, width: number, options?: ConvLayerOptions): Value =>
    convBlock(root.at(name), x, width, options);
  let h = layer('Conv2d_1a_3x3', image, 32, halving);
  h = layer('Conv2d_2a_3x3', h, 32, { padding: 0 });
  h = layer('Conv2d_2b_3x3', h, 64);
  const block0 = shrink(h);
  h = layer('Conv2d_3b_1x1', block0, 80, point);
  h = layer('Conv2d_4a_3x3', h, 192, { padding: 0 });
  const block1 = shrink(h);
  h = squareBlock(root.at('Mixed_5b'), block1, 32);
  h = squareBlock(root.at('Mixed_5c'), h, 64);
  h = squareBlock(root.at('Mixed_5d'), h, 64);
  h = firstReduction(root.at('Mixed_6a'), h);
  for (const [name, width] of Object.entries(middleWidths)) h = crossBlock(root.at(name), h, width);
  const block2 = h;
  h = secondReduction(root.at('Mixed_7a'), h);
  h = splitBlock(root.at('Mixed_7b'), h, average);
  // The published weights come from a network whose last block pools by the maximum.
  h = splitBlock(root.at('Mixed_7c'), h, (x) =>
    maxPool(x, { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }),
  );
  return { block0, block1, block2, pool3: reduceMean(h, [2, 3]) };
}

function convBlock(p: ParameterScope, x: Value, width: number, options: ConvLayerOptions = {}): Value {
  return relu(normalise(p.at('bn'), convLayer(p.at('conv'), x, width, { ...options, bias: false })));
}

const shrink = (x: Value): Value => maxPool(x, { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] });
/** Padding does not count. */
const average = (x: Value): Value => averagePool(x, { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] });

function squareBlock(p: ParameterScope, x: Value, poolWidth: number): Value {
  const five1 = convBlock(p.at('branch5x5_1'), x, 48, point);
  let triple = convBlock(p.at('branch3x3dbl_1'), x, 64, point);
  triple = convBlock(p.at('branch3x3dbl_2'), triple, 96);
  return concat(
    [
      convBlock(p.at('branch1x1'), x, 64, point),
      convBlock(p.at('branch5x5_2'), five1, 64, five),
      convBlock(p.at('branch3x3dbl_3'), triple, 96),
      convBlock(p.at('branch_pool'), average(x), poolWidth, point),
    ],
    1,
  );
}

function firstReduction(p: ParameterScope, x: Value): Value {
  let triple = convBlock(p.at('branch3x3dbl_1'), x, 64, point);
  triple = convBlock(p.at('branch3x3dbl_2'), triple, 96);
  return concat(
    [
      convBlock(p.at('branch3x3'), x, 384, halving),
      convBlock(p.at('branch3x3dbl_3'), triple, 96, halving),
      shrink(x),
    ],
    1,
  );
}

function crossBlock(p: ParameterScope, x: Value, width: number): Value {
  let once = convBlock(p.at('branch7x7_1'), x, width, point);
  once = convBlock(p.at('branch7x7_2'), once, width, wide(7));
  let twice = convBlock(p.at('branch7x7dbl_1'), x, width, point);
  twice = convBlock(p.at('branch7x7dbl_2'), twice, width, tall(7));
  twice = convBlock(p.at('branch7x7dbl_3'), twice, width, wide(7));
  twice = convBlock(p.at('branch7x7dbl_4'), twice, width, tall(7));
  return concat(
    [
      convBlock(p.at('branch1x1'), x, 192, point),
      convBlock(p.at('branch7x7_3'), once, 192, tall(7)),
      convBlock(p.at('branch7x7dbl_5'), twice, 192, wide(7)),
      convBlock(p.at('branch_pool'), average(x), 192, point),
    ],
    1,
  );
}

function secondReduction(p: ParameterScope, x: Value): Value {
  const three = convBlock(p.at('branch3x3_1'), x, 192, point);
  let seven = convBlock(p.at('branch7x7x3_1'), x, 192, point);
  seven = convBlock(p.at('branch7x7x3_2'), seven, 192, wide(7));
  seven = convBlock(p.at('branch7x7x3_3'), seven, 192, tall(7));
  return concat(
    [
      convBlock(p.at('branch3x3_2'), three, 320, halving),
      convBlock(p.at('branch7x7x3_4'), seven, 192, halving),
      shrink(x),
    ],
    1,
  );
}

function splitBlock(p: ParameterScope, x: Value, pool: (x: Value) => Value): Value {
  const three = convBlock(p.at('branch3x3_1'), x, 384, point);
  let triple = convBlock(p.at('branch3x3dbl_1'), x, 448, point);
  triple = convBlock(p.at('branch3x3dbl_2'), triple, 384);
  return concat(
    [
      convBlock(p.at('branch1x1'), x, 320, point),
      convBlock(p.at('branch3x3_2a'), three, 384, wide(3)),
      convBlock(p.at('branch3x3_2b'), three, 384, tall(3)),
      convBlock(p.at('branch3x3dbl_3a'), triple, 384, wide(3)),
      convBlock(p.at('branch3x3dbl_3b'), triple, 384, tall(3)),
      convBlock(p.at('branch_pool'), pool(x), 192, point),
    ],
    1,
  );
}
