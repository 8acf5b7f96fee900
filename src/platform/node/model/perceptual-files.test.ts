import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { gradients } from '../../../graph/gradient/gradient.ts';
import { parametersOf } from '../../../graph/graph.ts';
import { emitModel } from '../../../graph/onnx/emit-model.ts';
import { input } from '../../../graph/ops.ts';
import type { Value } from '../../../graph/value.ts';
import { buildFaceRecognition } from '../../../models/face-recognition/face-recognition.ts';
import type { FaceNetworkOptions } from '../../../models/perceptual/face-network.ts';
import type { PerceptualNetwork } from '../../../models/perceptual/perceptual-network.ts';
import { parameterScope } from '../../../nn/parameter-scope.ts';
import { RandomStream } from '../../../random/random-stream.ts';
import { type Runtime, withSession } from '../../../runtime/runtime.ts';
import { elementCount, type HostTensor, hostTensor, relativeError } from '../../../tensor/host-tensor.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import {
  loadDescriptorNetwork,
  loadPerceptualNetwork,
  readFaceRecognitionWeights,
} from './perceptual-files.ts';

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'perceptual-'));
  runtime = await createNodeRuntime({ device: 'cpu' });
});
afterAll(() => rm(folder, { recursive: true }));

const random = (shape: readonly number[], seed: number): HostTensor => {
  const tensor = hostTensor(shape);
  new RandomStream(seed).fillNormal(tensor.data);
  return tensor;
};
/** Smooth, in [-1, 1]. */
function picture(batch: number, size: number, seed: number): HostTensor {
  const image = hostTensor([batch, 3, size, size]);
  image.data.forEach((_, i) => {
    const plane = Math.floor(i / size ** 2);
    const [x, y] = [i % size, Math.floor(i / size) % size];
    image.data[i] = 0.9 * Math.sin((seed + plane) * 1.7 + (0.11 * x * 64) / size + (0.07 * y * 64) / size);
  });
  return image;
}

async function writeWeights(name: string, tensors: Readonly<Record<string, HostTensor>>): Promise<string> {
  const file = path.join(folder, name);
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeSafetensors(
    Object.entries(tensors).map(([key, tensor]) => ({ name: key, dtype: 'float32', ...tensor })),
  ))
    chunks.push(chunk);
  await writeFile(file, Buffer.concat(chunks));
  return file;
}

/** torchvision's keys of a VGG with small widths. */
function smallVgg(counts: readonly number[], widths: readonly number[]): Record<string, HostTensor> {
  const tensors: Record<string, HostTensor> = { 'classifier.0.bias': random([4], 0) };
  let index = 0;
  let channels = 3;
  counts.forEach((count, block) => {
    for (let i = 0; i < count; i++, index += 2) {
      const shape = [widths[block]!, channels, 3, 3];
      const weight = random(shape, index + 1);
      tensors[`features.${index}.weight`] = hostTensor(
        shape,
        weight.data.map((w) => w * Math.sqrt(2 / (9 * channels))),
      );
      tensors[`features.${index}.bias`] = random([widths[block]!], index + 2);
      channels = widths[block]!;
    }
    index++;
  });
  return tensors;
}
const widths = [4, 5, 6, 7, 8];
const vgg16 = () => smallVgg([2, 2, 3, 3, 3], widths);
const vgg19 = () => smallVgg([2, 2, 4, 4, 4], widths);
const linearLayers = () =>
  Object.fromEntries(
    widths.map((width, i) => [
      `lin${i}.model.1.weight`,
      hostTensor(
        [1, width, 1, 1],
        random([width], 50 + i).data.map((w) => w ** 2),
      ),
    ]),
  );

/** A graph model of TensorFlow.js: 8 × 8 pixels, a convolution of stride 2 with PReLU, and a descriptor of 5 numbers. */
async function writeDescriptor(name = 'descriptor'): Promise<string> {
  const filters = random([3, 3, 3, 4], 71);
  // Of values in 0..255, so that its results are about 1.
  const weights: Record<string, HostTensor> = {
    filters: hostTensor(
      filters.shape,
      filters.data.map((value) => value / 500),
    ),
    paddings: hostTensor([4, 2], Float32Array.of(0, 0, 1, 1, 1, 1, 0, 0)),
    zero: hostTensor([1], Float32Array.of(0)),
    slopes: random([4], 72),
    rows: hostTensor([2], Float32Array.of(-1, 64)),
    last: random([64, 5], 73),
  };
  const list = (...i: string[]) => ({ list: { i } });
  const text = (value: string) => ({ s: btoa(value) });
  const attr = {
    strides: list('1', '2', '2', '1'),
    dilations: list('1', '1', '1', '1'),
    padding: text('VALID'),
    data_format: text('NHWC'),
  };
  const dim = ['-1', '8', '8', '3'].map((size) => ({ size }));
  const node = [
    { name: 'x', op: 'Placeholder', attr: { shape: { shape: { dim } } } },
    ...Object.keys(weights).map((key) => ({ name: key, op: 'Const' })),
    { name: 'padded', op: 'Pad', input: ['x', 'paddings'] },
    { name: 'conv', op: 'Conv2D', input: ['padded', 'filters'], attr },
    { name: 'above', op: 'Maximum', input: ['zero', 'conv'] },
    { name: 'below', op: 'Minimum', input: ['zero', 'conv'] },
    { name: 'sloped', op: 'Mul', input: ['slopes', 'below'] },
    { name: 'prelu', op: 'AddV2', input: ['above', 'sloped'] },
    { name: 'flat', op: 'Reshape', input: ['prelu', 'rows'] },
    { name: 'descriptor', op: 'MatMul', input: ['flat', 'last'] },
  ];
  const entries = Object.entries(weights);
  const file = path.join(folder, `${name}.json`);
  const manifest = entries.map(([key, { shape }]) => ({ name: key, shape, dtype: 'float32' }));
  await writeFile(
    file,
    JSON.stringify({ modelTopology: { node }, weightsManifest: [{ weights: manifest }] }),
  );
  await writeFile(
    path.join(folder, `${name}.bin`),
    Buffer.concat(entries.map(([, { data }]) => new Uint8Array(data.buffer))),
  );
  return file;
}

/** The distance of two images, and its gradient for the first. */
async function compare(
  network: PerceptualNetwork,
  a: HostTensor,
  b: HostTensor,
): Promise<{ distance: number; gradient: Float32Array }> {
  const image = input('a', a.shape);
  const distance = network.distance(image, input('b', b.shape));
  const [gradient] = gradients(distance, [image]) as [Value];
  const model = emitModel(network.name, { distance, gradient }, network.bind);
  const results = await withSession(runtime, model, (session) => session.run({ a, b }));
  return { distance: results['distance']!.data[0]!, gradient: results['gradient']!.data };
}

/**
 * The slope along the gradient must be the gradient's length.
 * @param stepLength of the image, all pixels together
 */
async function slopeAlongGradient(
  network: PerceptualNetwork,
  a: HostTensor,
  b: HostTensor,
  stepLength: number,
): Promise<number> {
  const { gradient } = await compare(network, a, b);
  const length = Math.hypot(...gradient);
  const at = (sign: number) =>
    compare(
      network,
      hostTensor(
        a.shape,
        a.data.map((x, i) => x + (sign * stepLength * gradient[i]!) / length),
      ),
      b,
    );
  const slope = ((await at(1)).distance - (await at(-1)).distance) / (2 * stepLength);
  return slope / length;
}

describe.each<[string, () => Promise<PerceptualNetwork>]>([
  [
    'VGG19',
    async () => loadPerceptualNetwork({ kind: 'vgg19', vgg: await writeWeights('c19.safetensors', vgg19()) }),
  ],
  [
    'LPIPS',
    async () =>
      loadPerceptualNetwork({
        kind: 'lpips',
        vgg: await writeWeights('c16.safetensors', vgg16()),
        linear: await writeWeights('clinear.safetensors', linearLayers()),
      }),
  ],
  ['the face network', () => loadPerceptualNetwork({ kind: 'face' })],
  ['a face descriptor', async () => loadDescriptorNetwork({ model: await writeDescriptor() })],
])('every perceptual network, such as %s,', (_, open) => {
  const size = 64;
  const halves = ({ data }: HostTensor) =>
    [0, 1].map((i) =>
      hostTensor([1, 3, size, size], data.slice((i * data.length) / 2, ((i + 1) * data.length) / 2)),
    );

  it('is zero between equal images, and grows the same way to either side', async () => {
    const network = await open();
    expect(network.name).not.toBe('');
    const [a, b] = [picture(1, size, 1), picture(1, size, 2)];
    expect((await compare(network, a, a)).distance).toBe(0);
    const { distance } = await compare(network, a, b);
    expect(distance).toBeGreaterThan(0);
    expect((await compare(network, b, a)).distance / distance).toBeCloseTo(1, 5);
  });

  it('gives one number, the mean over the batch', async () => {
    const network = await open();
    const [a, b] = [picture(2, size, 1), picture(2, size, 3)];
    const [image, other] = [input('a', a.shape), input('b', b.shape)];
    expect(network.distance(image, other).shape).toEqual([]);
    const [a1, a2] = halves(a);
    const [b1, b2] = halves(b);
    const single = [(await compare(network, a1!, b1!)).distance, (await compare(network, a2!, b2!)).distance];
    const { distance } = await compare(network, a, b);
    expect(distance / ((single[0]! + single[1]!) / 2)).toBeCloseTo(1, 4);
  });

  it('owns and binds what its distance is made of, and nothing else', async () => {
    const network = await open();
    const distance = network.distance(input('a', [1, 3, size, size]), input('b', [1, 3, size, size]));
    const parameters = [...parametersOf([distance])];
    expect(parameters.length).toBeGreaterThan(3);
    for (const [name, { shape }] of parameters) {
      expect(network.owns(name), name).toBe(true);
      const bound = network.bind(name, shape);
      expect(bound.kind).not.toBe('input');
      if (bound.kind === 'inline') expect(bound.data).toHaveLength(elementCount(shape));
    }
    for (const name of ['unet/conv_in.weight', 'vae/decoder.conv_in.weight', 'd/main.0.weight'])
      expect(network.owns(name)).toBe(false);
  });
});

describe('VGG19', () => {
  /** [C, H, W] with weight [O, C, 3, 3], zeros around. */
  function convolve({ shape, data }: HostTensor, weight: HostTensor, bias: HostTensor): HostTensor {
    const [channels, height, width] = shape as [number, number, number];
    const out = hostTensor([weight.shape[0]!, height, width]);
    out.data.forEach((_, at) => {
      const [o, y, x] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
      let sum = bias.data[o]!;
      for (let c = 0; c < channels; c++)
        for (let dy = -1; dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++) {
            if (y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) continue;
            sum +=
              data[(c * height + y + dy) * width + x + dx]! *
              weight.data[(o * channels + c) * 9 + (dy + 1) * 3 + dx + 1]!;
          }
      out.data[at] = sum;
    });
    return out;
  }
  const activate = ({ shape, data }: HostTensor) =>
    hostTensor(
      shape,
      data.map((x) => Math.max(0, x)),
    );
  function pool({ shape, data }: HostTensor): HostTensor {
    const [channels, height, width] = shape as [number, number, number];
    const out = hostTensor([channels, height / 2, width / 2]);
    out.data.forEach((_, at) => {
      const [c, y, x] = [
        Math.floor((at * 4) / (height * width)),
        Math.floor((at * 2) / width) % (height / 2),
        at % (width / 2),
      ];
      const first = (c * height + 2 * y) * width + 2 * x;
      out.data[at] = Math.max(data[first]!, data[first + 1]!, data[first + width]!, data[first + width + 1]!);
    });
    return out;
  }
  const meanSquare = (a: HostTensor, b: HostTensor) =>
    a.data.reduce((sum, x, i) => sum + (x - b.data[i]!) ** 2, 0) / a.data.length;

  it("is the weighted mean square of its layers' differences", async () => {
    const weights = vgg19();
    const vgg = await writeWeights('vgg19.safetensors', weights);
    const network = await loadPerceptualNetwork({
      kind: 'vgg19',
      vgg,
      layers: { relu1_1: 0.5, conv2_1: 2 },
    });
    const layer = (x: HostTensor, index: number) =>
      convolve(x, weights[`features.${index}.weight`]!, weights[`features.${index}.bias`]!);
    const features = ({ shape, data }: HostTensor) => {
      const normalised = data.map((x, i) => {
        const c = Math.floor(i / 256);
        return ((x + 1) / 2 - [0.485, 0.456, 0.406][c]!) / [0.229, 0.224, 0.225][c]!;
      });
      const relu1 = activate(layer(hostTensor(shape.slice(1), normalised), 0));
      return { relu1, conv2: layer(pool(activate(layer(relu1, 2))), 5) };
    };
    const [a, b] = [picture(1, 16, 1), picture(1, 16, 2)];
    const [left, right] = [features(a), features(b)];
    const expected = 0.5 * meanSquare(left.relu1, right.relu1) + 2 * meanSquare(left.conv2, right.conv2);
    // Both sides sum some hundred float32 products.
    expect((await compare(network, a, b)).distance / expected).toBeCloseTo(1, 5);
  });

  it('has a gradient', async () => {
    const vgg = await writeWeights('vgg19.safetensors', vgg19());
    const network = await loadPerceptualNetwork({ kind: 'vgg19', vgg });
    const slope = await slopeAlongGradient(network, picture(1, 16, 1), picture(1, 16, 2), 0.002);
    // Activations that change sign within the step bend the function.
    expect(slope).toBeCloseTo(1, 2);
  });

  it('says which layers there are', async () => {
    const vgg = await writeWeights('vgg19.safetensors', vgg19());
    const open = loadPerceptualNetwork({ kind: 'vgg19', vgg, layers: { conv3_5: 1 } });
    await expect(open).rejects.toThrow(/layer conv3_5: it has conv1_1, relu1_1/);
    await expect(loadPerceptualNetwork({ kind: 'vgg19', vgg, layers: {} })).rejects.toThrow(/no layer/);
  });

  it('refuses the weights of VGG16, and says what is missing', async () => {
    const vgg = await writeWeights('vgg16.safetensors', vgg16());
    const open = loadPerceptualNetwork({ kind: 'vgg19', vgg });
    await expect(open).rejects.toThrow(CheckpointError);
    await expect(open).rejects.toThrow(/vgg16\.safetensors.*VGG19.*missing: features\.\d+\.weight/);
  });
});

describe('LPIPS', () => {
  const open = async (options: { doubleNormalisation?: boolean } = {}, layers = linearLayers()) =>
    loadPerceptualNetwork({
      kind: 'lpips',
      vgg: await writeWeights('vgg16.safetensors', vgg16()),
      linear: await writeWeights('linear.safetensors', layers),
      ...options,
    });

  it('is zero for equal images, and the mean over a batch', async () => {
    const network = await open();
    const [a, b] = [picture(2, 32, 1), picture(2, 32, 2)];
    expect((await compare(network, a, a)).distance).toBe(0);
    const both = (await compare(network, a, b)).distance;
    const half = elementCount(a.shape) / 2;
    const single = async (i: number) => {
      const image = ({ data }: HostTensor) =>
        hostTensor([1, 3, 32, 32], data.slice(i * half, (i + 1) * half));
      return (await compare(network, image(a), image(b))).distance;
    };
    expect(both / (((await single(0)) + (await single(1))) / 2)).toBeCloseTo(1, 5);
  });

  it('differs when images are normalised twice', async () => {
    const [a, b] = [picture(1, 32, 1), picture(1, 32, 2)];
    const [once, twice] = [await open(), await open({ doubleNormalisation: true })];
    const ratio = (await compare(once, a, b)).distance / (await compare(twice, a, b)).distance;
    expect(Math.abs(ratio - 1)).toBeGreaterThan(0.01);
  });

  it('refuses linear layers of another network', async () => {
    const layers = { ...linearLayers(), 'lin4.model.1.weight': random([1, 3, 1, 1], 1) };
    await expect(open({}, layers)).rejects.toThrow(
      /misshapen: lin4\.model\.1\.weight is \[1, 3, 1, 1\], should be \[1, 8, 1, 1\]/,
    );
    const { 'lin2.model.1.weight': _, ...fewer } = linearLayers();
    await expect(open({}, fewer)).rejects.toThrow(/missing: lin2\.model\.1\.weight/);
  });
});

describe('a face descriptor', () => {
  /** One colour everywhere. */
  const colored = (rgb: readonly number[]): HostTensor =>
    hostTensor(
      [1, 3, 64, 64],
      Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => rgb[Math.floor(i / 64 ** 2)]!),
    );

  it('sees RGB in 0..255, and gives 1 - cos of the angle between what it makes of two faces', async () => {
    const network = await loadDescriptorNetwork({ model: await writeDescriptor('angle') });
    const [filters, slopes, last] = [random([3, 3, 3, 4], 71), random([4], 72), random([64, 5], 73)];
    // What the model makes of one colour everywhere, by its definition.
    const describe = (rgb: readonly number[]): number[] => {
      const flat: number[] = [];
      for (let y = 0; y < 4; y++)
        for (let x = 0; x < 4; x++)
          for (let o = 0; o < 4; o++) {
            let sum = 0;
            for (let i = 0; i < 3; i++)
              for (let j = 0; j < 3; j++)
                for (let c = 0; c < 3; c++) {
                  // The padding is one pixel on every side, zeros.
                  const inside = 2 * y + i >= 1 && 2 * x + j >= 1;
                  const value = inside ? (rgb[c]! + 1) * 127.5 : 0;
                  sum += (value * filters.data[((i * 3 + j) * 3 + c) * 4 + o]!) / 500;
                }
            flat.push(sum > 0 ? sum : sum * slopes.data[o]!);
          }
      return [0, 1, 2, 3, 4].map((k) => flat.reduce((sum, v, i) => sum + v * last.data[i * 5 + k]!, 0));
    };
    const colors = [
      [-0.9, 0.1, 0.6],
      [0.8, -0.7, -0.2],
    ] as const;
    const [a, b] = [describe(colors[0]), describe(colors[1])];
    const dot = (u: number[], v: number[]): number => u.reduce((sum, value, i) => sum + value * v[i]!, 0);
    const expected = 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    expect(expected).toBeGreaterThan(0.05);
    const { distance } = await compare(network, colored(colors[0]), colored(colors[1]));
    expect(distance).toBeCloseTo(expected, 5);
  });

  it('has a gradient', async () => {
    const network = await loadDescriptorNetwork({ model: await writeDescriptor() });
    expect(await slopeAlongGradient(network, picture(1, 64, 1), picture(1, 64, 2), 0.02)).toBeCloseTo(1, 2);
  });

  it('is refused where a file is missing, or is no model that describes images', async () => {
    const missing = path.join(folder, 'nowhere.json');
    await expect(loadDescriptorNetwork({ model: missing })).rejects.toThrow(
      'losses.identity needs a graph model of TensorFlow.js, NAME.json, and its weights, NAME.bin',
    );
    const file = await writeDescriptor('broken');
    const model = JSON.parse((await readFile(file)).toString()) as { modelTopology: { node: object[] } };
    const write = (changed: unknown) => writeFile(file, JSON.stringify(changed));
    await write({ weightsManifest: [] });
    await expect(loadDescriptorNetwork({ model: file })).rejects.toThrow('is no graph model');
    await write({ ...model, modelTopology: { node: model.modelTopology.node.slice(1) } });
    await expect(loadDescriptorNetwork({ model: file })).rejects.toThrow(
      'it has no placeholder of [-1, S, S, 3]',
    );
    const unknown = { name: 'where', op: 'Where', input: ['descriptor'] };
    await write({ ...model, modelTopology: { node: [...model.modelTopology.node, unknown] } });
    await expect(loadDescriptorNetwork({ model: file })).rejects.toThrow('there is no rule for Where');
    await writeFile(file, '{');
    await expect(loadDescriptorNetwork({ model: file })).rejects.toThrow(CheckpointError);
  });
});

describe('the face-recognition network', () => {
  it('gives the descriptor that the package computes', async () => {
    const face = picture(1, 150, 1);
    const features = buildFaceRecognition(parameterScope('face'), input('face', face.shape));
    const weights = await readFaceRecognitionWeights();
    const { descriptor } = features;
    const model = emitModel('descriptor', { descriptor }, (name) => ({
      kind: 'inline',
      data: weights.get(name.slice('face/'.length))!.data,
    }));
    const results = await withSession(runtime, model, (session) => session.run({ face }));
    // float32 on both sides; the package applies each gain after its convolution.
    expect(relativeError(results['descriptor']!.data, await packageDescriptor(face))).toBeLessThan(1e-5);
  });

  it('compares the crop of aligned faces at any size', async () => {
    const network = await loadPerceptualNetwork({ kind: 'face' });
    for (const size of [128, 512]) {
      const [a, b] = [picture(1, size, 1), picture(1, size, 2)];
      expect((await compare(network, a, a)).distance).toBe(0);
      const { distance, gradient } = await compare(network, a, b);
      expect(distance).toBeGreaterThan(0.05);
      // Nothing outside the crop counts.
      const inside = (at: number) => {
        const [x, y] = [at % size, Math.floor(at / size) % size];
        const [column, row] = [(512 * (x + 0.5)) / size, (512 * (y + 0.5)) / size];
        return column > 96 && column < 416 && row > 110 && row < 430;
      };
      let [within, outside] = [0, 0];
      gradient.forEach((g, at) => {
        if (inside(at)) within += g ** 2;
        else outside += g ** 2;
      });
      expect(within).toBeGreaterThan(0);
      // At 128 pixels the crop's edge lies half a pixel from where it should: one row.
      expect(outside).toBeLessThan(0.05 * within);
    }
  });

  it('has a gradient, the descriptor included', async () => {
    const network = await loadPerceptualNetwork({ kind: 'face', descriptorWeight: 1 });
    const slope = await slopeAlongGradient(network, picture(1, 32, 1), picture(1, 32, 2), 0.002);
    expect(slope).toBeCloseTo(1, 2);
  });

  it('compares texture wherever its grains lie', async () => {
    /** Noise over a smooth picture. */
    const grained = (seed: number) => {
      const { shape, data } = picture(1, 128, 1);
      const noise = new RandomStream(5, [seed]);
      return hostTensor(
        shape,
        data.map((x) => x + 0.2 * (2 * noise.uniform() - 1)),
      );
    };
    const positions = await loadPerceptualNetwork({ kind: 'face' });
    const both = await loadPerceptualNetwork({ kind: 'face', textureWeight: 1 });
    const apart = async (a: HostTensor, b: HostTensor) => {
      const position = (await compare(positions, a, b)).distance;
      return { position, texture: (await compare(both, a, b)).distance - position };
    };
    const otherGrains = await apart(grained(1), grained(2));
    const noGrains = await apart(picture(1, 128, 1), grained(2));
    expect(otherGrains.position).toBeGreaterThan(noGrains.position / 2);
    expect(otherGrains.texture).toBeLessThan(noGrains.texture / 5);
    expect(noGrains.texture).toBeGreaterThan(0.01);
    const slope = await slopeAlongGradient(both, picture(1, 32, 1), picture(1, 32, 2), 0.002);
    expect(slope).toBeCloseTo(1, 2);
  });

  it('compares the texture of some stages alone', async () => {
    const [a, b] = [picture(1, 32, 1), picture(1, 32, 2)];
    const distance = async (options: FaceNetworkOptions) =>
      (await compare(await loadPerceptualNetwork({ kind: 'face', ...options }), a, b)).distance;
    const [early, late] = ['conv32_3', 'conv256_2'];
    const positions = await distance({});
    const of = async (...textureStages: string[]) =>
      (await distance({ textureWeight: 2, textureStages })) - positions;
    const both = await of(early!, late!);
    expect(await of(early!)).not.toBeCloseTo(await of(late!), 3);
    expect(both).toBeCloseTo(((await of(early!)) + (await of(late!))) / 2, 4);
  });

  it('says which stages there are, and refuses a box beyond the image', async () => {
    const [a, b] = [input('a', [1, 3, 32, 32]), input('b', [1, 3, 32, 32])];
    const stages = await loadPerceptualNetwork({ kind: 'face', stages: ['conv512'] });
    expect(() => stages.distance(a, b)).toThrow(/stage conv512: there are conv32_down, conv32_1/);
    const box = { left: 0, top: 0, right: 1.5, bottom: 1 };
    const beyond = await loadPerceptualNetwork({ kind: 'face', box });
    expect(() => beyond.distance(a, b)).toThrow(/Cannot crop 0\.\.1\.5 of 32 pixels/);
  });
});

/** What @vladmandic/face-api computes itself, in plain JavaScript. */
async function packageDescriptor(face: HostTensor): Promise<Float32Array> {
  // Its bundle is made for browsers, and stumbles over Node's `process`.
  vi.stubGlobal('process', Object.create(process, { versions: { value: {} } }));
  const faceApi = await import('@vladmandic/face-api/dist/face-api.esm.js');
  vi.unstubAllGlobals();
  const tf = faceApi.tf as unknown as FaceApiTensors;
  tf.env().platform = { isTypedArray: ArrayBuffer.isView, now: () => performance.now() };
  await tf.setBackend('cpu');
  const models = path.join(
    path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')),
    'model',
  );
  const manifest = JSON.parse(
    await readFile(path.join(models, 'face_recognition_model-weights_manifest.json'), 'utf8'),
  ) as { weights: object[] }[];
  const bytes = new Uint8Array(await readFile(path.join(models, 'face_recognition_model.bin')));
  const net = new faceApi.FaceRecognitionNet();
  const weights = tf.io.decodeWeights(
    bytes.buffer,
    manifest.flatMap((group) => group.weights),
  );
  net.loadFromWeightMap(weights as Parameters<typeof net.loadFromWeightMap>[0]);
  const pixels = tf.tensor(face.data, face.shape).transpose([0, 2, 3, 1]).add(1).mul(127.5);
  const netInput = { toBatchTensor: () => pixels } as unknown as Parameters<typeof net.forwardInput>[0];
  return (await net.forwardInput(netInput).data()) as Float32Array;
}

/** What is used of the TensorFlow.js inside; the package's types lack most of it. */
interface FaceApiTensors {
  env(): { platform: object };
  setBackend(name: string): Promise<boolean>;
  readonly io: { decodeWeights(bytes: ArrayBufferLike, specs: readonly object[]): unknown };
  tensor(data: Float32Array, shape: readonly number[]): FaceApiTensor;
}
interface FaceApiTensor {
  transpose(axes: readonly number[]): FaceApiTensor;
  add(value: number): FaceApiTensor;
  mul(value: number): FaceApiTensor;
}
