import { beforeAll, expect, it } from 'vitest';
import { emitModel, type ParameterBinding } from '../../graph/onnx/emit-model.ts';
import { sampleTensor } from '../../graph/op-cases.test-support.ts';
import { add, input } from '../../graph/ops.ts';
import type { Shape } from '../../graph/value.ts';
import { convLayer } from '../../nn/layers.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { type Runtime, withSession } from '../../runtime/runtime.ts';
import { relativeError } from '../../tensor/host-tensor.ts';
import { buildUNet } from './unet.ts';
import { unetConfigSchema } from './unet-config.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});
const inline = (name: string, shape: Shape): ParameterBinding => ({
  kind: 'inline',
  data: sampleTensor(shape, name.length).data,
});

it('adds a linear map of the first skip connection, where the config says so', async () => {
  const settings = {
    block_out_channels: [16, 16],
    layers_per_block: 1,
    down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'],
    up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'],
    attention_head_dim: 2,
    cross_attention_dim: 8,
    norm_num_groups: 4,
  };
  const p = parameterScope('unet');
  const latents = input('latents', [2, 4, 8, 8]);
  const down = [8, 8, 4, 4].map((side, i) => input(`down${i}`, [2, 16, side, side]));
  const inputs = {
    latents,
    timestep: input('timestep', [2, 16]),
    context: input('context', [2, 3, 8]),
    residuals: { down, mid: input('mid', [2, 16, 4, 4]) },
  };
  const plain = buildUNet(p, unetConfigSchema.parse(settings), inputs);
  const first = add(convLayer(p.at('conv_in'), latents, 16), down[0]!);
  const model = emitModel(
    'unets',
    {
      shortened: buildUNet(p, unetConfigSchema.parse({ ...settings, linear_shortcut: true }), inputs),
      sum: add(plain, convLayer(p.at('shortcut_out'), first, 4, { kernel: 1, bias: false })),
      plain,
    },
    inline,
  );
  const feeds = Object.fromEntries(
    [...model.inputs].map(([name, shape], i) => [name, sampleTensor(shape, i)]),
  );
  const {
    shortened,
    sum,
    plain: without,
  } = await withSession(runtime, model, (session) => session.run(feeds));
  // Float32 rounding of two sums in another order.
  expect(relativeError(shortened!.data, sum!.data)).toBeLessThan(1e-5);
  expect(relativeError(shortened!.data, without!.data)).toBeGreaterThan(0.01);
});
