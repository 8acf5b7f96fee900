import { describe, expect, it } from 'vitest';
import type { BindParameter } from '../graph/onnx/emit-model.ts';
import { add, conv, input, parameter, relu } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { buildVaeDecoder, vaeConfigSchema } from '../models/vae/vae.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { elementCount } from '../tensor/host-tensor.ts';
import type { RestorationGraphs } from './restoration-graphs.ts';
import { buildStageModels, stagePlans } from './stage-models.ts';

const bind: BindParameter = (_, shape) => ({
  kind: 'external',
  location: 'weights',
  offset: 0,
  byteLength: 4 * elementCount(shape),
  dtype: 'float32',
});

/** The estimate for a stage that gives `output`. */
async function estimate(output: Value, memory: keyof typeof stagePlans = 'low'): Promise<number> {
  const graphs = { unet: { eps: output } } as unknown as RestorationGraphs;
  const { unet } = await buildStageModels(graphs, bind, stagePlans[memory]);
  return unet.weightBytes + unet.scratchBytes;
}

/** A layer of four times the channels whose weight is used twice. */
function layers(side: number): Value {
  const weight = parameter('unet/w', [16, 4, 3, 3]);
  const x = input('x', [1, 4, side, side]);
  const layer = (value: Value): Value => relu(conv(value, weight, undefined, { padding: 1 }));
  return add(layer(x), layer(relu(x)));
}
const weightBytes = 4 * 16 * 4 * 9;
const largestBytes = (side: number) => 4 * 16 * side * side;

describe("a stage's estimate of memory", () => {
  it('is its weights, each counted once, and some of its largest tensor', async () => {
    const [small, large] = [await estimate(layers(8)), await estimate(layers(24))];
    const scratch = (large - small) / (largestBytes(24) - largestBytes(8));
    // Straight from two sizes: what does not grow with the picture is the weights.
    expect(small - scratch * largestBytes(8)).toBeCloseTo(weightBytes, 6);
    // An operation's input and output, and a step's leftovers, but not every tensor of a deep network.
    expect(scratch).toBeGreaterThanOrEqual(4);
    expect(scratch).toBeLessThanOrEqual(12);
  });

  it('does not grow with depth beyond the weights', async () => {
    let deep = layers(8);
    for (let i = 0; i < 10; i++) deep = relu(deep);
    expect(await estimate(deep)).toBe(await estimate(layers(8)));
  });

  it('keeps the published decoder below the budget of balanced memory, with room for others', async () => {
    const config = vaeConfigSchema.parse({ block_out_channels: [128, 256, 512, 512] });
    const decoded = buildVaeDecoder(parameterScope('vae'), config, input('latent', [1, 4, 64, 64]));
    const bytes = await estimate(decoded);
    // 0.2 GB of weights; its largest tensor, [1, 256, 512, 512], has 0.27 GB.
    expect(bytes).toBeGreaterThan(0.2e9 + 4 * 0.268e9);
    expect(bytes).toBeLessThan(stagePlans.balanced.budgetBytes / 2);
  });
});
