/** The checkpoint's configs and layouts, with the published texts' settings at reduced width. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memorySource } from '../checkpoint/byte-source.ts';
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { openTensorFile } from '../checkpoint/tensor-file.ts';
import { checkpointInfo } from '../platform/node/model/checkpoint-info.ts';
import { openCheckpointFolder } from '../platform/node/model/checkpoint-store.ts';
import { loadRestorer } from '../platform/node/model/load-restorer.ts';
import { releasedFiles, writeReleasedFolder } from '../platform/node/model/released-folder.test-support.ts';
import { formulaImage } from '../verify/formula.ts';
import { openNetworks } from './checkpoint.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'released-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const put = async (file: string, content: string | Uint8Array) => {
  const full = path.join(root, file);
  await mkdir(path.dirname(full), { recursive: true });
  await writeFile(full, content);
};
const whole = async () => {
  const { imageSize, networks } = await checkpointInfo(root);
  for (const { network, missing, unexpected, misshapen } of networks)
    expect({ network, missing, unexpected, misshapen }).toEqual({
      network,
      missing: [],
      unexpected: [],
      misshapen: [],
    });
  return { imageSize, networks };
};

describe('the released files, under their published settings', () => {
  it('restore at 512, whatever their UNet and VAE were trained on', async () => {
    await writeReleasedFolder(root);
    const { imageSize, networks } = await whole();
    expect(imageSize).toBe(512);
    // The text tower, the projections, the scale, the positions' numbers.
    expect(networks.find(({ network }) => network === 'clip')?.unused.length).toBeGreaterThan(4);
  });

  it('restore at another size where sampling.json says so', async () => {
    await writeReleasedFolder(root);
    await put('interlcm/sampling.json', '{"imageSize": 768}');
    expect((await whole()).imageSize).toBe(768);
    await put('interlcm/sampling.json', '{"imageSize": 500}');
    await expect(checkpointInfo(root)).rejects.toThrow(/sampling\.json.*500×500.*multiples of 8/);
    await put('interlcm/sampling.json', '{"imageSize": 1000000000}');
    await expect(checkpointInfo(root)).rejects.toThrow(/sampling\.json.*imageSize/);
  });

  it('restore a face of that size', async () => {
    await writeReleasedFolder(root, undefined, { encoders: 'Half' });
    const restorer = await loadRestorer(root, { memory: 'low' });
    try {
      expect(restorer.imageSize).toBe(512);
      const face = formulaImage(1, 512);
      const { shape, data } = await restorer.restore(face);
      expect(shape).toEqual([1, 3, 512, 512]);
      expect(data.every(Number.isFinite)).toBe(true);
      expect(data.some((value, i) => value !== face.data[i])).toBe(true);
      await expect(restorer.restore(formulaImage(1, 768))).rejects.toThrow('[B, 3, 512, 512] is needed');
    } finally {
      await restorer.release();
    }
  }, 60_000);

  it.each([
    ['before PyTorch 1.6', { container: 'before 1.6' }],
    ['in half precision', { encoders: 'Half' }],
    ['with a wrapper of several devices around it', { wrapper: 'module.' }],
    ['compiled, with a wrapper', { wrapper: 'module._orig_mod.' }],
  ] as const)('are read as saved %s', async (_, options) => {
    await writeReleasedFolder(root, undefined, options);
    expect((await whole()).imageSize).toBe(512);
  });

  it.each<[layout: string, move: (file: string) => string]>([
    ['a whole pipeline, with encoders lying loose', (file) => file.replace(/^(lcm|interlcm)\//, '')],
    [
      'clones of the repositories',
      (file) =>
        file
          .replace(/^lcm\//, 'LCM_Dreamshaper_v7/')
          .replace(/^clip\//, 'clip-vit-base-patch16/')
          .replace(/^interlcm\//, 'InterLCM/'),
    ],
    ['their released names', (file) => file.replace('_encoder.pth', '_encoder_3step.pth')],
  ])('are found as %s', async (_, move) => {
    await writeReleasedFolder(root, move);
    expect((await whole()).imageSize).toBe(512);
  });

  it("are found in the hub's cache, as links to blobs", async () => {
    let blob = 0;
    for (const [file, content] of await releasedFiles()) {
      const [top, ...rest] = file.split('/');
      const repository = { lcm: 'SimianLuo--LCM_Dreamshaper_v7', clip: 'openai--clip-vit-base-patch16' }[
        top!
      ];
      if (!repository) {
        await put(file, content);
        continue;
      }
      await put(`models--${repository}/refs/main`, 'abc123');
      await put(`models--${repository}/blobs/${++blob}`, content);
      const place = path.join(root, `models--${repository}/snapshots/abc123`, ...rest);
      await mkdir(path.dirname(place), { recursive: true });
      await symlink(
        path.relative(path.dirname(place), path.join(root, `models--${repository}/blobs/${blob}`)),
        place,
      );
    }
    expect((await whole()).imageSize).toBe(512);
  });

  it.each([
    ['a byte-order mark', (text: string) => `\uFEFF${text}`],
    ['line ends of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
  ])('are read where a config has %s', async (_, change) => {
    await writeReleasedFolder(root);
    const files = await releasedFiles();
    for (const file of ['lcm/unet/config.json', 'lcm/scheduler/scheduler_config.json'])
      await put(file, change(new TextDecoder().decode(files.get(file))));
    expect((await whole()).imageSize).toBe(512);
  });
});

describe('an index of shards', () => {
  const index = (name: string) => JSON.stringify({ weight_map: { 'conv_in.weight': name } });
  const open = async () => {
    const store = await openCheckpointFolder(root);
    try {
      return await openNetworks(store, ['unet']);
    } finally {
      await store.close();
    }
  };

  it.each([
    'diffusion_pytorch_model.safetensors.index.fp16.json',
    'diffusion_pytorch_model.fp16.safetensors.index.json',
    'diffusion_pytorch_model.safetensors.fp16.index.json',
    'diffusion_pytorch_model.safetensors.index.json',
  ])('may be called %s', async (name) => {
    await writeReleasedFolder(root);
    const weights = 'lcm/unet/diffusion_pytorch_model.safetensors';
    const files = await releasedFiles();
    await rm(path.join(root, weights));
    await put('lcm/unet/part-1.safetensors', files.get(weights)!);
    const { tensors } = await openTensorFile(memorySource('whole', files.get(weights)!));
    const map = Object.fromEntries([...tensors.keys()].map((key) => [key, 'part-1.safetensors']));
    await put(`lcm/unet/${name}`, JSON.stringify({ weight_map: map }));
    expect((await whole()).imageSize).toBe(512);
  });

  it.each(['../secret.safetensors', '/etc/passwd', 'a/b.safetensors', 'a\\b.safetensors', '..', ''])(
    'must not name %j',
    async (name) => {
      await put('lcm/unet/config.json', '{"block_out_channels": [32]}');
      await put('lcm/unet/diffusion_pytorch_model.safetensors.index.json', index(name));
      await expect(open()).rejects.toThrow(CheckpointError);
      await expect(open()).rejects.toThrow('which is no file beside it');
    },
  );

  it.each(['{"weight_map": [1]}', '{}', '[]', '{"weight_map": {"a": 1}}'])(
    'is refused as %s',
    async (text) => {
      await put('lcm/unet/diffusion_pytorch_model.safetensors.index.json', text);
      await expect(open()).rejects.toThrow('it is no index of weights');
    },
  );
});

it.each<[sampling: object, problem: RegExp]>([
  [{ steps: 51 }, /"steps" is 51, the schedule has 50/],
  [{ steps: 2, startStep: 3 }, /"startStep" is 3, after the last of 2 steps/],
  [{ startStep: 51 }, /"startStep" is 51, after the last of 50/],
])('refuses a sampling.json beyond the schedule: %o', async (sampling, problem) => {
  await put('interlcm/sampling.json', JSON.stringify(sampling));
  const store = await openCheckpointFolder(root);
  await expect(openNetworks(store, [])).rejects.toThrow(problem);
});
