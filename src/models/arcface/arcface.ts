/**
 * The face-recognition network of the identity metric of VQFR and later papers: ArcFace's ResNet-18 over gray faces
 * without squeeze and excitation (Deng et al. 2019, arXiv:1801.07698), by arcface-pytorch's weight names.
 */
import { add, maxPool, mul, neg, relu, reshape, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { runningBatchNorm as normalise } from '../../nn/batch-norm.ts';
import { convLayer, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

/** The side of the square face that the network sees, in pixels. */
export const arcfaceSize = 128;
/** Numbers of a descriptor. */
const descriptorSize = 512;
/** Widths of the four stages, and the stride of each one's first block. */
const stages = [
  { width: 64, stride: 1 },
  { width: 128, stride: 2 },
  { width: 256, stride: 2 },
  { width: 512, stride: 2 },
];
const blocksPerStage = 2;

/** Counters of training. */
export const unusedArcfaceWeights = /\.num_batches_tracked$/;

/**
 * @param face [N, 1, 128, 128]
 * @returns [N, 512], not normalised
 */
export function buildArcface(root: ParameterScope, face: Value): Value {
  const first = convLayer(root.at('conv1'), face, stages[0]!.width, { bias: false });
  let h = parametricRelu(root.at('prelu'), normalise(root.at('bn1'), first));
  h = maxPool(h, { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] });
  for (const [i, { width, stride }] of stages.entries())
    for (let block = 0; block < blocksPerStage; block++)
      h = residualBlock(root.at(`layer${i + 1}.${block}`), h, width, block === 0 ? stride : 1);
  const flat = reshape(normalise(root.at('bn4'), h), [h.shape[0]!, -1]); // [N, C·H·W]
  const descriptor = linear(root.at('fc5'), flat, descriptorSize);
  const images = reshape(descriptor, [h.shape[0]!, descriptorSize, 1, 1]);
  return reshape(normalise(root.at('bn5'), images), descriptor.shape);
}

/** Normalise, convolve, normalise, activate, convolve, normalise; the sum is activated by the same slope. */
function residualBlock(p: ParameterScope, x: Value, width: number, stride: number): Value {
  let h = convLayer(p.at('conv1'), normalise(p.at('bn0'), x), x.shape[1]!, { bias: false });
  h = parametricRelu(p.at('prelu'), normalise(p.at('bn1'), h));
  h = normalise(p.at('bn2'), convLayer(p.at('conv2'), h, width, { stride, bias: false }));
  const same = stride === 1 && x.shape[1] === width;
  const skip = same
    ? x
    : normalise(
        p.at('downsample.1'),
        convLayer(p.at('downsample.0'), x, width, { kernel: 1, stride, bias: false }),
      );
  return parametricRelu(p.at('prelu'), add(h, skip));
}

/** x where it is positive, else a·x, with one learned slope a (He et al. 2015, arXiv:1502.01852). */
function parametricRelu(p: ParameterScope, x: Value): Value {
  return sub(relu(x), mul(relu(neg(x)), p.get('weight', [1])));
}
