/** Networks below the detector: three maps at an eighth, a sixteenth and a thirty-second of the image. */
import { add, conv, leakyRelu, maxPool, relu } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { runningBatchNorm } from '../../nn/batch-norm.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

interface ConvNormOptions {
  readonly kernel?: number;
  readonly stride?: number;
}

/** A convolution without bias and its normalisation, weights `${convolution}.weight` and `${norm}.*`. */
export function convNorm(
  p: ParameterScope,
  [convolution, norm]: readonly [string, string],
  x: Value,
  width: number,
  { kernel = 3, stride = 1 }: ConvNormOptions = {},
): Value {
  const h = convLayer(p.at(convolution), x, width, { kernel, stride, bias: false });
  return runningBatchNorm(p.at(norm), h);
}

/** Blocks of each stage of ResNet-50, and the width inside them; they give four times as many channels. */
const resnetStages = [
  { blocks: 3, width: 64 },
  { blocks: 4, width: 128 },
  { blocks: 6, width: 256 },
  { blocks: 3, width: 512 },
];
const expansion = 4;

/**
 * ResNet-50 by torchvision's names, `width` channels at its narrowest: 64 unless given.
 * @see He et al. 2016, arXiv:1512.03385
 */
export function buildResnet50(p: ParameterScope, image: Value, width = 64): Value[] {
  const stem = convNorm(p, ['conv1', 'bn1'], image, width, { kernel: 7, stride: 2 });
  let h = maxPool(relu(stem), { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  const stages = resnetStages.map((stage, i) => {
    for (let block = 0; block < stage.blocks; block++) {
      const stride = i > 0 && block === 0 ? 2 : 1;
      h = bottleneck(p.at(`layer${i + 1}.${block}`), h, (stage.width * width) / 64, stride);
    }
    return h;
  });
  return stages.slice(1);
}

function bottleneck(p: ParameterScope, x: Value, width: number, stride: number): Value {
  const out = expansion * width;
  let h = relu(convNorm(p, ['conv1', 'bn1'], x, width, { kernel: 1 }));
  h = relu(convNorm(p, ['conv2', 'bn2'], h, width, { stride }));
  h = convNorm(p, ['conv3', 'bn3'], h, out, { kernel: 1 });
  const changes = stride !== 1 || x.shape[1] !== out;
  const shortcut = changes ? convNorm(p, ['downsample.0', 'downsample.1'], x, out, { kernel: 1, stride }) : x;
  return relu(add(h, shortcut));
}

/** Output channels and stride of each separable block of MobileNet-0.25, stage by stage. */
const mobilenetStages = [
  [
    [16, 1],
    [32, 2],
    [32, 1],
    [64, 2],
    [64, 1],
  ],
  [
    [128, 2],
    [128, 1],
    [128, 1],
    [128, 1],
    [128, 1],
    [128, 1],
  ],
  [
    [256, 2],
    [256, 1],
  ],
] as const;
const mobilenetStem = 8;
const mobilenetSlope = 0.1;

/** MobileNet v1 at a quarter of its width. @see Howard et al. 2017, arXiv:1704.04861 */
export function buildMobilenet(p: ParameterScope, image: Value): Value[] {
  const activate = (x: Value): Value => leakyRelu(x, mobilenetSlope);
  let h = activate(convNorm(p.at('stage1.0'), ['0', '1'], image, mobilenetStem, { stride: 2 }));
  return mobilenetStages.map((blocks, i) => {
    const stage = p.at(`stage${i + 1}`);
    for (const [j, [width, stride]] of blocks.entries()) {
      const block = stage.at(`${i === 0 ? j + 1 : j}`);
      const channels = h.shape[1]!;
      const filters = block.at('0').get('weight', [channels, 1, 3, 3]);
      h = conv(h, filters, undefined, { stride, padding: 1, groups: channels });
      h = activate(runningBatchNorm(block.at('1'), h));
      h = activate(convNorm(block, ['3', '4'], h, width, { kernel: 1 }));
    }
    return h;
  });
}
