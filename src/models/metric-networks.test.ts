import { beforeAll, expect, it } from 'vitest';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { concat, input, reshape } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { type Runtime, type Tensors, withSession } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { formulaWeight } from '../verify/formula.ts';
import { buildArcface } from './arcface/arcface.ts';
import { buildClipText, type ClipTextConfig, clipTextConfigSchema } from './clip-text/clip-text.ts';
import { buildInception } from './inception/inception.ts';
import { buildLpipsTerms } from './lpips/lpips.ts';
import { buildMusiq } from './musiq/musiq.ts';
import { buildVit } from './vit/vit.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ device: 'cpu' });
});

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
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
    const channel = c % shape[1]!;
    tensor.data[i] =
      0.7 * Math.sin(0.37 * x + channel) * Math.cos(0.23 * y) + 0.2 * Math.sin(1.9 * x + 2.3 * y);
  });
  return tensor;
}

/** Each row of pixels from right to left. */
function mirrored({ shape, data }: HostTensor): HostTensor {
  const width = shape[3]!;
  return hostTensor(
    shape,
    data.map((_, i) => data[i - (i % width) + width - 1 - (i % width)]!),
  );
}

const list = (...values: number[]): HostTensor => hostTensor([values.length], Float32Array.from(values));
const root = () => parameterScope('net');
const picture = waves([1, 3, 67, 75]);
const text = (...ids: number[]): Tensors => ({ ids: hostTensor([1, ids.length], Float32Array.from(ids)) });
const tower = (hidden_act: ClipTextConfig['hidden_act']) =>
  clipTextConfigSchema.parse({
    vocab_size: 32,
    hidden_size: 24,
    num_hidden_layers: 3,
    num_attention_heads: 3,
    max_position_embeddings: 8,
    hidden_act,
  });

interface Case {
  readonly title: string;
  readonly feeds: Tensors;
  readonly build: (inputs: Record<string, Value>) => Record<string, Value>;
  /** The length of each output, and some of its values. */
  readonly expected: Record<string, readonly [norm: number, ...samples: [index: number, value: number][]]>;
}

// Computed in float64 by equivalent functions in PyTorch 2.14 with the same weights.
const cases: Case[] = [
  {
    title: "FID's Inception v3",
    feeds: { image: waves([1, 3, 139, 155]) },
    build: ({ image }) => ({ pool3: buildInception(root(), image!).pool3 }),
    expected: {
      pool3: [1.67735658, [292, 0.028589391], [1024, 0.031277136], [2046, 0.13501783]],
    },
  },
  {
    title: 'LPIPS over AlexNet',
    feeds: { a: picture, b: mirrored(picture) },
    build({ a, b }) {
      const scope = root();
      const options = { trunk: 'alex', doubleNormalisation: false } as const;
      const { terms } = buildLpipsTerms({ trunk: scope, linear: scope }, a!, b!, options);
      return {
        terms: concat(
          terms.map((term) => reshape(term, [1])),
          0,
        ),
      };
    },
    expected: { terms: [0.0368839485, [0, 0.036845696], [2, -0.00029033003], [3, 0.00010037525]] },
  },
  {
    title: 'the ArcFace of identity scores',
    feeds: { face: waves([1, 1, 64, 64]) },
    build: ({ face }) => ({ descriptor: buildArcface(root(), face!) }),
    expected: { descriptor: [95.5348933, [73, -0.096067993], [256, -1.6212835], [510, 6.0256495]] },
  },
  {
    title: 'a small vision transformer with low-rank additions',
    feeds: { image: waves([1, 3, 48, 48]) },
    build({ image }) {
      const scope = root();
      const config = {
        width: 24,
        depth: 3,
        heads: 3,
        patch: 16,
        epsilon: 1e-5,
        activation: 'quick_gelu',
        projection: 10,
      } as const;
      const lora = { scope: scope.at('lora'), rank: 4, alpha: 2 };
      const { classToken, projected } = buildVit(scope, config, image!, lora);
      return { classToken, projected: projected! };
    },
    expected: {
      classToken: [8.92218713, [3, -1.1253825], [12, 0.18871293], [22, 2.8772885]],
      projected: [3.7170309, [1, 0.5916079], [5, -1.3856574], [8, -0.36308745]],
    },
  },
  {
    title: 'a small MUSIQ',
    feeds: {
      patches: waves([5, 3, 32, 32]),
      positions: list(0, 9, 55, 90, 99),
      scales: list(0, 0, 1, 2, 2),
    },
    build({ patches, positions, scales }) {
      const config = { width: 24, depth: 2, heads: 3, mlpWidth: 40, grid: 10, scales: 3 };
      const inputs = { patches: patches!, positions: positions!, scales: scales! };
      const { stem, score } = buildMusiq(root(), config, inputs);
      return { stem, score };
    },
    expected: { stem: [283.74351], score: [0.332119677, [0, -0.33211968]] },
  },
  {
    title: "a small text tower of CLIP's",
    feeds: text(30, 4, 7, 7, 21, 31, 31, 31),
    build({ ids }) {
      const { last, penultimate } = buildClipText(root(), tower('quick_gelu'), ids!);
      return { last, penultimate };
    },
    expected: {
      last: [13.4377128, [27, 1.348744], [96, 1.5752664], [190, -0.86051059]],
      penultimate: [13.5179342, [27, 1.1538703], [96, 2.5369777], [190, -0.48997931]],
    },
  },
  {
    title: "a small text tower of OpenCLIP's",
    feeds: text(30, 4, 7, 7, 21, 31, 0, 0),
    build: ({ ids }) => ({ penultimate: buildClipText(root(), tower('gelu'), ids!).penultimate }),
    expected: { penultimate: [13.5847048, [27, 1.1503478], [96, 2.5132914], [190, 0.31269226]] },
  },
];

/** Float32 sums through tens of layers, as a part of the output's root mean square. */
const tolerance = 2e-5;

it.each(cases)('$title computes what PyTorch does', async ({ feeds, build, expected }) => {
  const inputs = Object.entries(feeds).map(([name, { shape }]) => [name, input(name, shape)] as const);
  const model = emitModel('net', build(Object.fromEntries(inputs)), (name, shape) => ({
    kind: 'inline',
    data: weight(name, shape),
  }));
  const results = await withSession(runtime, model, (session) => session.run(feeds));
  expect(Object.keys(results)).toEqual(Object.keys(expected));
  for (const [name, [norm, ...samples]] of Object.entries(expected)) {
    const { data } = results[name]!;
    expect(Math.abs(Math.hypot(...data) / norm - 1), name).toBeLessThan(tolerance);
    const typical = norm / Math.sqrt(data.length);
    for (const [at, value] of samples)
      expect(Math.abs(data[at]! - value) / typical, `${name}[${at}]`).toBeLessThan(tolerance);
  }
});
