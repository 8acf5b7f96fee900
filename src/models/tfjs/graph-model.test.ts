import { describe, expect, it } from 'vitest';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { withSession } from '../../runtime/runtime.ts';
import { elementCount, type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { buildTfjsGraph } from './graph-model.ts';

const filled = (shape: readonly number[], seed: number): HostTensor =>
  hostTensor(
    shape,
    Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(seed + 1.7 * i)),
  );
const text = (value: string) => ({ s: btoa(value) });
const convolution = (stride: number, padding: string) => ({
  strides: { list: { i: ['1', `${stride}`, `${stride}`, '1'] } },
  dilations: { list: { i: ['1', '1', '1', '1'] } },
  padding: text(padding),
  data_format: text('NHWC'),
});
const constant = (name: string) => ({ name, op: 'Const' });

async function run(nodes: object[], weights: Record<string, HostTensor>, x: HostTensor, output: string) {
  const graph = buildTfjsGraph(
    'net',
    { node: [{ name: 'x', op: 'Placeholder' }, ...nodes, ...Object.keys(weights).map(constant)] },
    new Map(Object.entries(weights)),
    { x: input('x', x.shape) },
    [output],
  );
  const model = emitModel('net', { y: graph.outputs[output]! }, (name) => ({
    kind: 'inline',
    data: graph.weights.get(name)!.data,
  }));
  const { y } = await withSession(await createNodeRuntime(), model, (session) => session.run({ x }));
  return y!;
}

/** TensorFlow's definition for one image: x [1, H, W, C], filter [h, w, C, O] or, depthwise, [h, w, C, M]. */
function convolve(
  x: HostTensor,
  w: HostTensor,
  stride: number,
  same: boolean,
  depthwise: boolean,
): HostTensor {
  const [, height, width, channels] = x.shape as [number, number, number, number];
  const [kh, kw, , last] = w.shape as [number, number, number, number];
  const count = (extent: number, k: number) => Math.ceil((same ? extent : extent - k + 1) / stride);
  const before = (extent: number, k: number) =>
    same ? Math.floor(Math.max(0, (count(extent, k) - 1) * stride + k - extent) / 2) : 0;
  const outputs = depthwise ? channels * last : last;
  const y = hostTensor([1, count(height, kh), count(width, kw), outputs]);
  let at = 0;
  for (let oy = 0; oy < y.shape[1]!; oy++)
    for (let ox = 0; ox < y.shape[2]!; ox++)
      for (let o = 0; o < outputs; o++, at++)
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++)
            for (let c = 0; c < channels; c++) {
              if (depthwise && c !== Math.floor(o / last)) continue;
              const iy = oy * stride + i - before(height, kh);
              const ix = ox * stride + j - before(width, kw);
              if (iy < 0 || ix < 0 || iy >= height || ix >= width) continue;
              const weight = w.data[((i * kw + j) * channels + c) * last + (depthwise ? o % last : o)]!;
              y.data[at] = y.data[at]! + weight * x.data[(iy * width + ix) * channels + c]!;
            }
  return y;
}

const x = filled([1, 5, 6, 2], 1);
const close = (actual: HostTensor, expected: HostTensor): void => {
  expect(actual.shape).toEqual(expected.shape);
  // Sums of tens of products of values below 1, in float32.
  for (let i = 0; i < expected.data.length; i++) expect(actual.data[i]).toBeCloseTo(expected.data[i]!, 5);
};

describe('a graph model of TensorFlow.js', () => {
  it.each([
    { stride: 1, padding: 'SAME', op: 'Conv2D', shape: [3, 3, 2, 4] },
    { stride: 2, padding: 'SAME', op: 'Conv2D', shape: [3, 2, 2, 4] },
    { stride: 2, padding: 'VALID', op: 'Conv2D', shape: [2, 3, 2, 4] },
    { stride: 2, padding: 'SAME', op: 'DepthwiseConv2dNative', shape: [3, 3, 2, 1] },
    { stride: 1, padding: 'SAME', op: 'DepthwiseConv2dNative', shape: [3, 3, 2, 3] },
  ])('convolves: $op by $stride, $padding, $shape', async ({ stride, padding, op, shape }) => {
    const w = filled(shape, 2);
    const node = { name: 'y', op, input: ['x', 'w'], attr: convolution(stride, padding) };
    const expected = convolve(x, w, stride, padding === 'SAME', op !== 'Conv2D');
    close(await run([node], { w }, x, 'y'), expected);
  });

  it('adds, bounds, averages and multiplies what a convolution gives', async () => {
    const weights = {
      w: filled([1, 1, 2, 3], 3),
      bias: filled([3], 4),
      gain: filled([1, 1, 1, 3], 5),
      six: hostTensor([], Float32Array.of(0.6)),
      zero: hostTensor([], Float32Array.of(-0.2)),
      axes: hostTensor([2], Float32Array.of(1, -2)),
      matrix: filled([3, 4], 6),
      row: filled([4], 7),
    };
    const nodes = [
      { name: 'conv', op: 'Conv2D', input: ['x', 'w'], attr: convolution(1, 'VALID') },
      { name: 'biased', op: 'BiasAdd', input: ['conv:0', 'bias'] },
      { name: 'scaled', op: 'Mul', input: ['gain', 'biased'] },
      { name: 'below', op: 'Minimum', input: ['scaled', 'six'] },
      { name: 'bounded', op: 'Maximum', input: ['zero', 'below'] },
      { name: 'pooled', op: 'Mean', input: ['bounded', 'axes'] },
      {
        name: 'y',
        op: '_FusedMatMul',
        input: ['pooled', 'matrix', 'row'],
        attr: { fused_ops: { list: { s: [btoa('BiasAdd'), btoa('Relu')] } } },
      },
    ];
    const conv = convolve(x, weights.w, 1, false, false);
    const bounded = conv.data.map((value, i) =>
      Math.max(-0.2, Math.min(0.6, (value + weights.bias.data[i % 3]!) * weights.gain.data[i % 3]!)),
    );
    const means = [0, 1, 2].map((c) => bounded.filter((_, i) => i % 3 === c).reduce((a, b) => a + b) / 30);
    const y = [0, 1, 2, 3].map((o) =>
      Math.max(
        0,
        means.reduce((sum, mean, c) => sum + mean * weights.matrix.data[c * 4 + o]!, weights.row.data[o]!),
      ),
    );
    close(await run(nodes, weights, x, 'bounded'), hostTensor([1, 5, 6, 3], Float32Array.from(bounded)));
    close(await run(nodes, weights, x, 'y'), hostTensor([1, 4], Float32Array.from(y)));
  });

  it('pads what comes before and after a convolution, and lays it out in rows', async () => {
    const weights = {
      w: filled([1, 1, 2, 3], 3),
      around: hostTensor([4, 2], Float32Array.of(0, 0, 1, 0, 0, 2, 0, 0)),
      more: hostTensor([4, 2], Float32Array.of(0, 0, 0, 1, 0, 0, 0, 2)),
      rows: hostTensor([2], Float32Array.of(1, -1)),
    };
    const nodes = [
      { name: 'padded', op: 'Pad', input: ['x', 'around'] },
      { name: 'conv', op: 'Conv2D', input: ['padded', 'w'], attr: convolution(1, 'VALID') },
      { name: 'again', op: 'Pad', input: ['conv', 'more'] },
      { name: 'y', op: 'Reshape', input: ['again', 'rows'] },
    ];
    const around = hostTensor([1, 6, 8, 2]);
    for (let row = 0; row < 5; row++)
      around.data.set(x.data.subarray(row * 12, (row + 1) * 12), (row + 1) * 16);
    const conv = convolve(around, weights.w, 1, false, false);
    const more = hostTensor([1, 7, 8, 5]);
    for (let pixel = 0; pixel < 48; pixel++)
      more.data.set(conv.data.subarray(pixel * 3, pixel * 3 + 3), pixel * 5);
    close(await run(nodes, weights, x, 'padded'), around);
    close(await run(nodes, weights, x, 'again'), more);
    close(await run(nodes, weights, x, 'y'), hostTensor([1, 280], more.data));
  });

  it.each<[what: string, nodes: object[], message: string]>([
    [
      'an operation',
      [{ name: 'y', op: 'Where', input: ['x'] }],
      'Cannot build net: there is no rule for Where (y)',
    ],
    ['a missing input', [{ name: 'y', op: 'Relu', input: ['z'] }], 'Cannot build net: it has no node "z"'],
    ['too few inputs', [{ name: 'y', op: 'Relu' }], 'Cannot build net: Relu y has no input 0'],
    ['a loop', [{ name: 'y', op: 'Relu', input: ['y'] }], 'Cannot build net: node "y" needs itself'],
    ['a weight without values', [constant('y')], 'Cannot build net: "y" is not a weight'],
    ['another form', [{ name: 7 }], 'Cannot build net: no graph model'],
  ])('is refused for %s', async (_, nodes, message) => {
    await expect(run(nodes, {}, x, 'y')).rejects.toThrow(message);
  });
});
