import { describe, expect, it } from 'vitest';
import { graphFlops } from '../graph/cost.ts';
import { parametersOf } from '../graph/graph.ts';
import { input } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { elementCount } from '../tensor/host-tensor.ts';
import { buildClip, clipConfigSchema } from './clip/clip.ts';
import { buildInception } from './inception/inception.ts';
import { buildResnet50 } from './retinaface/backbone.ts';
import { buildUNet } from './unet/unet.ts';
import { unetConfigSchema } from './unet/unet-config.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeConfigSchema } from './vae/vae.ts';
import { buildVgg } from './vgg/vgg.ts';

const root = () => parameterScope('net');
const picture = (side: number) => input('image', [1, 3, side, side]);

/** Published figures count products only; normalisations, activations and sums come on top. */
const leastShare = 0.99;
const mostShare = 1.04;

function expectProducts(outputs: readonly Value[], multiplyAdds: number): void {
  const share = graphFlops(outputs) / (2 * multiplyAdds);
  expect(share).toBeGreaterThan(leastShare);
  expect(share).toBeLessThan(mostShare);
}

describe('multiply-adds of published networks', () => {
  // torchvision's table of weights, in 1e9 multiply-adds of one picture, less the classifier that is not built here.
  const vggClassifier = 25_088 * 4096 + 4096 * 4096 + 4096 * 1000;
  it.each([
    ['VGG16', () => [...buildVgg(root(), picture(224), 16).values()], 15.47e9 - vggClassifier],
    ['VGG19', () => [...buildVgg(root(), picture(224), 19).values()], 19.63e9 - vggClassifier],
    ['ResNet-50', () => buildResnet50(root(), picture(224)), 4.09e9 - 2048 * 1000],
    ['Inception v3', () => [buildInception(root(), picture(299)).pool3], 5.71e9 - 2048 * 1000],
    [
      'ViT-B/16',
      () => [buildClip(root(), clipConfigSchema.parse({ hidden_size: 768 }), picture(224))],
      17.56e9 - 768 * 1000,
    ],
  ])('%s', (_, build, multiplyAdds) => {
    expectProducts(build(), multiplyAdds);
  });
});

/** Each weight meets each position of its layer's output once, whatever operation it is part of. */
function productsOf(outputs: readonly Value[], positionsOf: (key: string) => number): number {
  let products = 0;
  for (const [name, { shape }] of parametersOf(outputs))
    if (shape.length > 1) products += elementCount(shape) * positionsOf(name.slice('net/'.length));
  return products;
}

describe("multiply-adds of Stable Diffusion's networks, from their weights' names and shapes", () => {
  const latentSide = 64;
  const tokens = 77;
  const square = (halvings: number) => (latentSide / 2 ** halvings) ** 2;

  it('UNet', () => {
    const widths = [320, 640, 1280, 1280];
    const unet = [
      buildUNet(root(), unetConfigSchema.parse({ block_out_channels: widths }), {
        latents: input('latents', [1, 4, latentSide, latentSide]),
        timestep: input('timestep', [1, widths[0]!]),
        context: input('context', [1, tokens, 768]),
      }),
    ];
    const positionsAt = (key: string): number => {
      const [part, index] = key.split('.');
      const halvings = part === 'down_blocks' ? Number(index) : part === 'up_blocks' ? 3 - Number(index) : 3;
      if (part === 'conv_in' || part === 'conv_out') return square(0);
      if (key.includes('downsamplers')) return square(halvings + 1);
      return square(key.includes('upsamplers') ? halvings - 1 : halvings);
    };
    const positionsOf = (key: string): number => {
      if (/^time_embedding|time_emb_proj/.test(key)) return 1;
      return /attn2\.to_[kv]/.test(key) ? tokens : positionsAt(key);
    };
    // Two products for each pair that attends: with the keys, and with the values.
    let attended = 0;
    for (const [name, { shape }] of parametersOf(unet)) {
      const key = name.slice('net/'.length);
      const self = /attn1\.to_q\.weight$/.test(key);
      if (self || /attn2\.to_q\.weight$/.test(key))
        attended += 2 * positionsAt(key) * (self ? positionsAt(key) : tokens) * shape[0]!;
    }
    expect(attended).toBeGreaterThan(0);
    expectProducts(unet, productsOf(unet, positionsOf) + attended);
  });

  const config = vaeConfigSchema.parse({ block_out_channels: [128, 256, 512, 512] });
  /** One head over all positions of the latent, 512 wide. */
  const vaeAttention = 2 * square(0) ** 2 * 512;

  it("the autoencoder's decoder", () => {
    const decoder = [buildVaeDecoder(root(), config, input('latent', [1, 4, latentSide, latentSide]))];
    const products = productsOf(decoder, (key) => {
      const block = /up_blocks\.(\d)/.exec(key);
      if (!block) return square(key.includes('conv_out') && !key.includes('quant') ? -3 : 0);
      return square(-Number(block[1]) - (key.includes('upsamplers') ? 1 : 0));
    });
    expectProducts(decoder, products + vaeAttention);
  });

  it("the autoencoder's encoder", () => {
    const { mean, logVariance } = buildVaeEncoder(root(), config, picture(512));
    const encoder = [mean, logVariance];
    const products = productsOf(encoder, (key) => {
      const block = /down_blocks\.(\d)/.exec(key);
      if (!block) return square(key.includes('conv_in') ? -3 : 0);
      return square(Number(block[1]) - 3 + (key.includes('downsamplers') ? 1 : 0));
    });
    expectProducts(encoder, products + vaeAttention);
  });
});
