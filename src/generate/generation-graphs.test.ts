import { describe, expect, it } from 'vitest';
import { generationCost } from './generation-graphs.ts';
import { parseGeneratorConfigs, publishedGenerators } from './published-configs.ts';

describe('at the published sizes', () => {
  it.each([
    ['lcm', 859_602_884, 123_060_480],
    ['sd-turbo', 865_910_724, 340_387_840],
  ] as const)('%s has as many parameters as its files', (model, unet, text) => {
    const costs = generationCost(parseGeneratorConfigs(publishedGenerators[model]), 512, 4);
    const count = (stage: string) => costs.find((cost) => cost.stage === stage)!.parameters;
    expect(count('unet')).toBe(unet);
    expect(count('text')).toBe(text);
    expect(count('decode')).toBe(49_490_199); // of the autoencoder's 83,653,863 with its encoder
  });
});

it('counts the UNet once a step', () => {
  const configs = parseGeneratorConfigs(publishedGenerators.lcm);
  const unet = (steps: number) => generationCost(configs, 512, steps).find(({ stage }) => stage === 'unet')!;
  expect(unet(4).flops).toBe(4 * unet(1).flops);
  expect(unet(4).footprintBytes).toBe(unet(1).footprintBytes);
});

it('refuses sides that the networks cannot halve', () => {
  const configs = parseGeneratorConfigs(publishedGenerators.lcm);
  expect(() => generationCost(configs, 520, 4)).toThrow(/multiple of 64/);
});
