/**
 * A face-recognition network: a residual network whose descriptor is near for one person's photos and far for two
 * people's. It is dlib's, as the package face-api publishes it.
 */
import { add, averagePool, constant, matmul, maxPool, mul, pad, reduceMean, relu } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

/** Side of the square face crop in pixels. */
export const faceCropSize = 150;
export const faceDescriptorSize = 128;

/** The first convolution. */
export const stemKey = 'conv32_down';
export const stemKernel = 7;
interface ResidualBlock {
  readonly key: string;
  readonly width: number;
  /** Whether it halves the image. */
  readonly halves: boolean;
}
const repeated = (width: number, from: number, to: number): ResidualBlock[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    key: `conv${width}_${from + i}`,
    width,
    halves: false,
  }));
const halving = (key: string, width: number): ResidualBlock => ({ key, width, halves: true });
export const residualBlocks: readonly ResidualBlock[] = [
  ...repeated(32, 1, 3),
  halving('conv64_down', 64),
  ...repeated(64, 1, 3),
  halving('conv128_down', 128),
  ...repeated(128, 1, 2),
  halving('conv256_down', 256),
  ...repeated(256, 1, 2),
  halving('conv256_down_out', 256),
];

const meanRgb = [122.782, 117.001, 104.298];
const range = 255;

export interface FaceFeatures {
  /** Output of the first convolution and of every residual block, by key, in order. */
  readonly stages: ReadonlyMap<string, Value>;
  /** [N, 128] */
  readonly descriptor: Value;
}

/** @param face [N, 3, 150, 150], RGB in [-1, 1] */
export function buildFaceRecognition(root: ParameterScope, face: Value): FaceFeatures {
  // ((x + 1)/2·255 − mean)/255
  const shift = meanRgb.map((mean) => 0.5 - mean / range);
  const normalised = add(mul(face, 0.5), constant([1, 3, 1, 1], shift));
  const stem = relu(
    convLayer(root.at(stemKey), normalised, 32, { kernel: stemKernel, stride: 2, padding: 0 }),
  ); // [N, 32, 72, 72]
  const stages = new Map([[stemKey, stem]]);
  let h = maxPool(stem, { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] }); // [N, 32, 35, 35]
  for (const block of residualBlocks) {
    h = residualBlock(root.at(block.key), h, block);
    stages.set(block.key, h);
  }
  const pooled = reduceMean(h, [2, 3]);
  return { stages, descriptor: matmul(pooled, root.get('fc', [256, faceDescriptorSize])) };
}

/** x [N, C, H, W] → relu(shortcut(x) + conv2(relu(conv1(x)))) */
function residualBlock(p: ParameterScope, x: Value, { width, halves }: ResidualBlock): Value {
  const first = convLayer(p.at('conv1'), x, width, halves ? { stride: 2, padding: 0 } : {});
  const h = convLayer(p.at('conv2'), relu(first), width);
  if (!halves) return relu(add(h, x));
  const pooled = averagePool(x, { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] });
  // Without padding, the convolution can come out a row and a column smaller than the pooling.
  const [batch, , height, columns] = pooled.shape as [number, number, number, number];
  const shape = [batch, width, height, columns];
  return relu(add(padTo(h, shape), padTo(pooled, shape)));
}

/** Zeros behind the ends of x. */
function padTo(x: Value, shape: Shape): Value {
  const missing = shape.map((extent, axis) => extent - x.shape[axis]!);
  return missing.every((count) => count === 0) ? x : pad(x, [...missing.map(() => 0), ...missing]);
}
