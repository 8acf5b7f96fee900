/**
 * Finds faces and five landmarks in one look, by the weight names of facexlib's files.
 * @see Deng et al. 2020, arXiv:1905.00641
 */
import {
  add,
  concat,
  constant,
  leakyRelu,
  mul,
  relu,
  reshape,
  resizeNearest,
  slice,
  softmax,
  transpose,
} from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { buildMobilenet, buildResnet50, convNorm } from './backbone.ts';

interface RetinafaceConfig {
  readonly backbone: 'resnet50' | 'mobilenet0.25';
  /** Channels of the feature pyramid. */
  readonly width: number;
  /** Channels of ResNet-50 at its narrowest. */
  readonly backboneWidth: number;
}

/** Reads the sizes off stored weights; without any, those of the published ResNet-50. */
export function inferRetinafaceConfig(shapes: ReadonlyMap<string, Shape>): RetinafaceConfig {
  const backbone = shapes.has('body.stage1.0.0.weight') ? 'mobilenet0.25' : 'resnet50';
  return {
    backbone,
    width: shapes.get('fpn.output1.0.weight')?.[0] ?? 256,
    backboneWidth: shapes.get('body.conv1.weight')?.[0] ?? 64,
  };
}

/** Counters of training, which the files hold too. */
export const unusedRetinafaceWeights = /num_batches_tracked$/;

/** Pixels between neighbours on each level of the pyramid. */
export const retinafaceSteps = [8, 16, 32] as const;
/** Anchors at each position. */
const retinafaceAnchors = 2;

export type RetinafaceOutputs = {
  /** [N, anchors, 4]: centre x and y, log width and height, relative to the anchors and scaled */
  readonly boxes: Value;
  /** [N, anchors, 1], 0..1 */
  readonly scores: Value;
  /** [N, anchors, 10]: x and y of eyes, nose, corners of the mouth, relative to the anchors and scaled */
  readonly landmarks: Value;
};

/** Mean of blue, green and red in 0..255. */
const meanBgr = [104, 117, 123];

/** @param image [N, 3, H, W], RGB in [-1, 1] */
export function buildRetinaface(
  root: ParameterScope,
  { backbone, width, backboneWidth }: RetinafaceConfig,
  image: Value,
): RetinafaceOutputs {
  const [red, green, blue] = [0, 1, 2].map((c) => slice(image, 1, c, c + 1)) as [Value, Value, Value];
  const shift = constant(
    [1, 3, 1, 1],
    meanBgr.map((mean) => 127.5 - mean),
  );
  const normalised = add(mul(concat([blue, green, red], 1), 127.5), shift);
  const body = root.at('body');
  const maps =
    backbone === 'resnet50'
      ? buildResnet50(body, normalised, backboneWidth)
      : buildMobilenet(body, normalised);
  // Narrow networks keep a little of what is negative.
  const slope = width <= 64 ? 0.1 : 0;
  const activate = (x: Value): Value => (slope === 0 ? relu(x) : leakyRelu(x, slope));
  const features = pyramid(root.at('fpn'), maps, width, activate).map((feature, level) =>
    contextModule(root.at(`ssh${level + 1}`), feature, width, activate),
  );
  const head = (key: string, numbers: number): Value =>
    concat(
      features.map((feature, level) => {
        const p = root.at(`${key}.${level}.conv1x1`);
        const map = convLayer(p, feature, retinafaceAnchors * numbers, { kernel: 1 });
        return reshape(transpose(map, [0, 2, 3, 1]), [image.shape[0]!, -1, numbers]);
      }),
      1,
    );
  return {
    boxes: head('BboxHead', 4),
    scores: slice(softmax(head('ClassHead', 2)), 2, 1, 2),
    landmarks: head('LandmarkHead', 10),
  };
}

/** Coarse maps enlarged and added to finer ones. @see Lin et al. 2017, arXiv:1612.03144 */
function pyramid(
  p: ParameterScope,
  maps: readonly Value[],
  width: number,
  activate: (x: Value) => Value,
): Value[] {
  const [fine, middle, coarse] = maps.map((map, level) =>
    activate(convNorm(p.at(`output${level + 1}`), ['0', '1'], map, width, { kernel: 1 })),
  ) as [Value, Value, Value];
  const merge = (level: number, map: Value, above: Value): Value => {
    const sum = add(map, resizeNearest(above, map.shape.slice(2)));
    return activate(convNorm(p.at(`merge${level}`), ['0', '1'], sum, width));
  };
  const merged = merge(2, middle, coarse);
  return [merge(1, fine, merged), merged, coarse];
}

/** Views of three sizes side by side. @see Najibi et al. 2017, arXiv:1708.03979 */
function contextModule(p: ParameterScope, x: Value, width: number, activate: (x: Value) => Value): Value {
  const layer = (key: string, from: Value, channels: number): Value =>
    convNorm(p.at(key), ['0', '1'], from, channels);
  const quarter = width / 4;
  const near = layer('conv3X3', x, width / 2);
  const shared = activate(layer('conv5X5_1', x, quarter));
  const middle = layer('conv5X5_2', shared, quarter);
  const far = layer('conv7x7_3', activate(layer('conv7X7_2', shared, quarter)), quarter);
  return relu(concat([near, middle, far], 1));
}
