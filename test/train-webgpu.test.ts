/** Training on a WebGPU device: Chromium's software one, by Vulkan, where there is no other. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallNetworks, writeWaves } from './small-run.test-support.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const noVulkan = !existsSync(driver) || !existsSync('/usr/lib/x86_64-linux-gnu/libvulkan.so.1');

/** Everything that the processor has kernels of its own for: attention, strided convolutions, an adversary, Muon. */
const config = {
  stage: 'interlcm',
  steps: 4,
  startStep: 4,
  iterations: 2,
  train: ['vae', 'spatialEncoder', 'unet'],
  visualEncoder: false,
  networks: smallNetworks(16),
  data: { size: 16, canvas: 16, batch: 2 },
  optimizer: { learningRate: 1e-3, maxGradientNorm: 1, muon: { momentum: 0.9, rateFactor: 4 } },
  losses: {
    l1: { weight: 1 },
    adversarial: { weight: 0.1, ndf: 4, n_layers: 1, optimizer: { learningRate: 1e-3 } },
  },
  validationImages: 2,
  validateEvery: 2,
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'train-webgpu-'));
  await writeWaves(join(root, 'faces'), 4, 16);
  await writeFile(join(root, 'config.json'), JSON.stringify(config));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function train(device: string) {
  const args = ['train', '--config', 'config.json', '--data', 'faces', '--device', device, '--out', device];
  const env = { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, XDG_RUNTIME_DIR: root };
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  return { status, stderr };
}

/** What was logged at each iteration and validation, but for times. */
async function logged(device: string): Promise<Record<string, number>[]> {
  const text = await readFile(join(root, device, 'log.jsonl'), 'utf8');
  const lines = text.trim().split('\n');
  return lines.map((line) => {
    const { time, images_per_second, data_seconds, ...values } = JSON.parse(line);
    return values;
  });
}

describe.skipIf(noVulkan)('training by WebGPU', () => {
  it('takes the steps that the processor takes', async () => {
    expect(train('cpu')).toMatchObject({ status: 0 });
    const { status, stderr } = train('webgpu');
    expect(stderr).not.toContain('not assigned to the preferred execution providers');
    expect(status).toBe(0);
    const [expected, found] = await Promise.all(['cpu', 'webgpu'].map(logged));
    expect(expected!.length).toBeGreaterThanOrEqual(4);
    expect(found).toHaveLength(expected!.length);
    for (const [i, values] of expected!.entries())
      for (const [name, value] of Object.entries(values))
        expect(
          Math.abs(found![i]![name]! - value),
          `${name} of line ${i}: ${found![i]![name]}, not ${value}`,
        ).toBeLessThan(2e-3 * Math.max(1, Math.abs(value)));
  }, 240_000);
});
