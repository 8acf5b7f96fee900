import path from 'node:path';
import { expect, it } from 'vitest';
import { parseTrainConfig, type TrainConfig } from '../../../train/train-config.ts';
import { pinPaths } from './run-settings.ts';

const config = (perceptual: object) =>
  parseTrainConfig(
    {
      stage: 'interlcm',
      iterations: 1,
      train: ['unet'],
      data: { size: 64, batch: 1 },
      optimizer: { learningRate: 1e-3 },
      losses: { perceptual: { weight: 1, ...perceptual } },
    },
    'the test',
  );
const images = { folder: '/faces' };

it.each([
  [
    { kind: 'lpips', vgg: 'vgg.pth', linear: 'w/linear.pth' },
    { vgg: 'vgg.pth', linear: 'w/linear.pth' },
  ],
  [{ kind: 'vgg19', vgg: 'vgg.pth' }, { vgg: 'vgg.pth' }],
  [{ kind: 'face' }, {}],
])('finds the files of %j from anywhere', async (perceptual, files) => {
  const pinned = await pinPaths({ config: config(perceptual), images, spatialStart: 'unet.safetensors' });
  const absolute = Object.entries(files).map(([name, file]) => [name, path.resolve(file)]);
  expect(pinned.config.losses.perceptual).toEqual({
    ...config(perceptual).losses.perceptual,
    ...Object.fromEntries(absolute),
  });
  expect(pinned.spatialStart).toBe(path.resolve('unet.safetensors'));
  expect(pinned.images).toEqual(images);
});

it('finds the face descriptor from anywhere', async () => {
  const { losses, ...rest } = config({ kind: 'face' });
  const identity = { weight: 1, from: 1, model: 'nets/descriptor.json' };
  const pinned = await pinPaths({
    config: { ...rest, losses: { ...losses, identity } } as TrainConfig,
    images,
  });
  expect(pinned.config.losses).toEqual({
    ...losses,
    identity: { ...identity, model: path.resolve('nets/descriptor.json') },
  });
});

it('leaves it to the opening to say that there is no such checkpoint', async () => {
  const { from } = await pinPaths({ config: config({ kind: 'face' }), images, from: 'nowhere' });
  expect(from).toBe(path.resolve('nowhere'));
});
