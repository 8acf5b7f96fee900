import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { parametersOf } from '../graph/graph.ts';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { type Runtime, withSession } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { formulaWeight } from '../verify/formula.ts';
import { buildParsenet, inferParsenetConfig } from './parsenet/parsenet.ts';
import { buildRetinaface, inferRetinafaceConfig } from './retinaface/retinaface.ts';
import { buildRrdbnet, inferRrdbnetConfig } from './rrdbnet/rrdbnet.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ device: 'cpu' });
});

const root = () => parameterScope('net');
const key = (name: string) => name.slice('net/'.length);
const image = (...shape: number[]) => input('image', shape);

/** Variances about one, everything else as the formula has it. */
function weight(name: string, shape: Shape): Float32Array {
  const values = formulaWeight(name, shape);
  return name.endsWith('.running_var') ? values.map((value) => value + 1) : values;
}

/** Waves in [-1, 1]. */
function waves(shape: Shape): HostTensor {
  const [, , height, width] = shape as [number, number, number, number];
  const tensor = hostTensor(shape);
  tensor.data.forEach((_, i) => {
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height)) % 3];
    tensor.data[i] = 0.7 * Math.sin(0.37 * x + c) * Math.cos(0.23 * y) + 0.2 * Math.sin(1.9 * x + 2.3 * y);
  });
  return tensor;
}

type Outputs = { readonly [name: string]: Value };
interface Expected {
  readonly shape: Shape;
  readonly norm: number;
  readonly samples: readonly (readonly [index: number, value: number])[];
}

const retinaface = (config: Parameters<typeof buildRetinaface>[1]) => () =>
  buildRetinaface(root(), config, image(1, 3, 50, 70));
const smallRrdbnet = (scale: 1 | 2 | 4, blocks: number, height: number, width: number) => () => ({
  enlarged: buildRrdbnet(root(), { scale, width: 8, growth: 4, blocks }, image(1, 3, height, width)),
});
const unit = ({ shape, data }: HostTensor) =>
  hostTensor(
    shape,
    data.map((x) => (x + 1) / 2),
  );

// Computed in float64 by equivalent modules in PyTorch 1.13.1 with the same weights.
const cases: [title: string, () => Outputs, input: HostTensor, Record<string, Expected>][] = [
  [
    'RetinaFace over a narrow ResNet-50',
    retinaface({ backbone: 'resnet50', width: 32, backboneWidth: 8 }),
    waves([1, 3, 50, 70]),
    {
      boxes: {
        shape: [1, 178, 4],
        norm: 843.80785,
        samples: [
          [101, 31.88279],
          [305, 0.09752753],
          [508, -24.06554],
        ],
      },
      scores: {
        shape: [1, 178, 1],
        norm: 10.659825,
        samples: [
          [0, 0.0002044626],
          [127, 0.999877],
          [177, 0.05432477],
        ],
      },
      landmarks: {
        shape: [1, 178, 10],
        norm: 1805.5126,
        samples: [
          [254, -30.82548],
          [762, 39.69515],
          [1271, -43.02792],
        ],
      },
    },
  ],
  [
    'RetinaFace over MobileNet-0.25',
    retinaface({ backbone: 'mobilenet0.25', width: 64, backboneWidth: 64 }),
    waves([1, 3, 50, 70]),
    {
      boxes: {
        shape: [1, 178, 4],
        norm: 1.7731575,
        samples: [
          [101, -0.001726082],
          [305, 0.06059065],
          [508, 0.008451686],
        ],
      },
      scores: {
        shape: [1, 178, 1],
        norm: 6.5720602,
        samples: [
          [25, 0.4935694],
          [76, 0.4850162],
          [127, 0.4942434],
        ],
      },
      landmarks: {
        shape: [1, 178, 10],
        norm: 2.2242816,
        samples: [
          [254, 0.02547498],
          [762, 0.0501965],
          [1271, -0.003454764],
        ],
      },
    },
  ],
  [
    'a small ParseNet',
    () => {
      const config = { halvings: 2, width: 4, mostWidth: 8, blocks: 2 };
      return { classes: buildParsenet(root(), config, image(1, 3, 32, 32)) };
    },
    waves([1, 3, 32, 32]),
    {
      classes: {
        shape: [1, 19, 32, 32],
        norm: 210.32101,
        samples: [
          [2779, 0.5821929],
          [8338, 0.8010497],
          [13897, -2.706315],
        ],
      },
    },
  ],
  [
    'a small RRDBNet that doubles',
    smallRrdbnet(2, 2, 8, 12),
    unit(waves([1, 3, 8, 12])),
    {
      enlarged: {
        shape: [1, 3, 16, 24],
        norm: 7.9762478,
        samples: [
          [164, -0.2509696],
          [493, -0.0529413],
          [822, -0.04690311],
        ],
      },
    },
  ],
  [
    'a small RRDBNet that quadruples',
    smallRrdbnet(4, 2, 6, 5),
    unit(waves([1, 3, 6, 5])),
    {
      enlarged: {
        shape: [1, 3, 24, 20],
        norm: 12.280961,
        samples: [
          [205, 0.05968092],
          [617, 0.100232],
          [1028, -0.3940571],
        ],
      },
    },
  ],
  [
    'a small RRDBNet that keeps the size',
    smallRrdbnet(1, 1, 16, 16),
    unit(waves([1, 3, 16, 16])),
    {
      enlarged: {
        shape: [1, 3, 16, 16],
        norm: 3.6325086,
        samples: [
          [109, 0.09857111],
          [329, 0.1258473],
          [548, -0.006594561],
        ],
      },
    },
  ],
];

/** Float32 sums through tens of layers, as a part of the output's root mean square. */
const tolerance = 2e-5;

it.each(cases)('%s computes what PyTorch does', async (_, build, picture, expected) => {
  const model = emitModel('net', build(), (name, shape) => ({ kind: 'inline', data: weight(name, shape) }));
  const results = await withSession(runtime, model, (session) => session.run({ image: picture }));
  expect(Object.keys(results)).toEqual(Object.keys(expected));
  for (const [name, { shape, norm, samples }] of Object.entries(expected)) {
    const { data, shape: actual } = results[name]!;
    expect(actual).toEqual(shape);
    expect(Math.abs(Math.hypot(...data) / norm - 1)).toBeLessThan(tolerance);
    const typical = norm / Math.sqrt(data.length);
    for (const [at, value] of samples)
      expect(Math.abs(data[at]! - value) / typical, `${name}[${at}]`).toBeLessThan(tolerance);
  }
});

describe('the published sizes have the published weights', () => {
  const none = new Map<string, Shape>();
  const mobilenet = new Map<string, Shape>([
    ['body.stage1.0.0.weight', [8, 3, 3, 3]],
    ['fpn.output1.0.weight', [64, 64, 1, 1]],
  ]);
  const double = new Map<string, Shape>([['conv_first.weight', [64, 12, 3, 3]]]);
  // SHA-256 of each sorted "key extent,extent" of the PyTorch modules, without counters of training.
  it.each<[title: string, Outputs, count: number, hash: string]>([
    [
      'RetinaFace over ResNet-50',
      buildRetinaface(root(), inferRetinafaceConfig(none), image(1, 3, 64, 64)),
      383,
      '1f1eb3d5bc3bb554',
    ],
    [
      'RetinaFace over MobileNet-0.25',
      buildRetinaface(root(), inferRetinafaceConfig(mobilenet), image(1, 3, 64, 64)),
      253,
      'b16379d0c8c34ecb',
    ],
    [
      'ParseNet',
      { classes: buildParsenet(root(), inferParsenetConfig(none), image(1, 3, 64, 64)) },
      200,
      '66913392f42ab463',
    ],
    [
      'RRDBNet x2',
      { enlarged: buildRrdbnet(root(), inferRrdbnetConfig(double), image(1, 3, 8, 8)) },
      702,
      'c3eae369ae06ded6',
    ],
    [
      'RRDBNet x4',
      { enlarged: buildRrdbnet(root(), inferRrdbnetConfig(none), image(1, 3, 8, 8)) },
      702,
      '1c16f0b1f8e7d791',
    ],
  ])('%s', (_, outputs, count, hash) => {
    const lines = [...parametersOf(Object.values(outputs))]
      .map(([name, { shape }]) => `${key(name)} ${shape.join(',')}`)
      .sort();
    expect(lines).toHaveLength(count);
    expect(createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)).toBe(hash);
  });
});

it("reads an upscaler's sizes off its weights", () => {
  const shapes = new Map<string, Shape>([
    ['conv_first.weight', [8, 12, 3, 3]],
    ['body.0.rdb1.conv1.weight', [4, 8, 3, 3]],
    ['body.1.rdb3.conv5.bias', [8]],
    ['body.2000000000.rdb1.conv1.bias', [4]],
  ]);
  expect(inferRrdbnetConfig(shapes)).toEqual({ scale: 2, width: 8, growth: 4, blocks: 3 });
});
