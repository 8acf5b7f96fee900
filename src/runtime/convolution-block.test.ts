import { beforeAll, describe, expect, it } from 'vitest';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { type ConvOptions, conv, input } from '../graph/ops.ts';
import { evaluate } from '../graph/reference-ops.test-support.ts';
import { createNodeRuntime } from '../platform/node/engine/node-runtime.ts';
import { relativeError } from '../tensor/host-tensor.ts';
import { findConvolutionBlock } from './convolution-block.ts';
import { type Runtime, withSession } from './runtime.ts';

let runtime: Runtime;
let block: number | undefined;
beforeAll(async () => {
  runtime = await createNodeRuntime();
  block = await findConvolutionBlock(runtime);
});

const unbound = (): never => {
  throw new Error('no parameters');
};

describe('the layout of convolutions', () => {
  it('is one of those that the processor may have', () => {
    if (process.arch === 'x64') expect([8, 16]).toContain(block);
    else expect(block).toBeUndefined();
  });

  it('is none where the runtime has none', async () => {
    expect(await findConvolutionBlock({ ...runtime, convolutionBlocks: [] })).toBeUndefined();
  });

  it.each<[string, readonly number[], readonly number[], ConvOptions & { bias?: boolean }]>([
    ['of a padded image, with a bias', [1, 32, 32, 34], [16, 32, 3, 3], { padding: 1, bias: true }],
    [
      'of a batch, strided and padded on two sides',
      [2, 16, 48, 48],
      [32, 16, 3, 3],
      { stride: 2, padding: [0, 0, 1, 1] },
    ],
    ['of another kernel, dilated', [1, 16, 40, 40], [16, 16, 2, 5], { dilation: 2 }],
  ])('changes no result: %s', async (_, imageShape, weightShape, { bias, ...options }) => {
    const leaves = new Map([
      ['x', sampleTensor(imageShape, 1)],
      ['w', sampleTensor(weightShape, 2)],
      ['b', sampleTensor([weightShape[0]!], 3)],
    ]);
    const fed = (name: string) => input(name, leaves.get(name)!.shape);
    const y = conv(fed('x'), fed('w'), bias ? fed('b') : undefined, options);
    const model = emitModel('convolution', { y }, unbound, { convolutionBlock: block });
    const results = await withSession(runtime, model, (session) => session.run(Object.fromEntries(leaves)));
    expect(relativeError(results['y']!.data, evaluate(y, leaves).data)).toBeLessThan(1e-5);
  });

  it('is that of the runtime where channels fill no block, or images are small', () => {
    const plain = (imageShape: readonly number[], weightShape: readonly number[], groups = 1) => {
      const y = conv(input('x', imageShape), input('w', weightShape), undefined, { groups });
      const [left, right] = [16, undefined].map(
        (convolutionBlock) => emitModel('convolution', { y }, unbound, { convolutionBlock }).bytes,
      );
      expect(left).toEqual(right);
    };
    plain([1, 12, 64, 64], [16, 12, 3, 3]);
    plain([1, 16, 64, 64], [12, 16, 3, 3]);
    plain([1, 16, 64, 64], [16, 16, 1, 1]);
    plain([1, 16, 16, 16], [16, 16, 3, 3]);
    plain([1, 32, 64, 64], [32, 16, 3, 3], 2);
  });
});
