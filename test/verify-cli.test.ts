import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { writeReleasedFolder } from '../src/platform/node/model/released-folder.test-support.ts';
import { microSpec } from '../src/verify/formula.ts';

const root = path.resolve(import.meta.dirname, '..');
const shared = path.resolve(root, '../shared/reference');
const minutes = 60_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'interlcm-verify-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the built command with a cache of its own. */
function interlcm(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, XDG_CACHE_HOME: path.join(folder, 'cache') };
    execFile(
      process.execPath,
      [path.join(root, 'dist/cli/main.js'), ...args],
      { env },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

describe('interlcm verify', () => {
  it('passes on formula weights', { timeout: minutes }, async () => {
    const { code, stdout } = await interlcm('verify', path.join(root, 'reference/micro.json'));
    expect(stdout).toMatch(/^ok {3}eps3 /m);
    expect(stdout).toContain('17 of 17 within tolerance');
    expect(code).toBe(0);
  });

  it('fails where one expected value is off', { timeout: minutes }, async () => {
    const wrong = path.join(folder, 'micro.json');
    await cp(path.join(root, 'reference/micro.json'), wrong);
    const samples = await readFile(path.join(root, 'reference/micro.safetensors'));
    const headerLength = Number(samples.readBigUInt64LE(0));
    const header = JSON.parse(samples.toString('utf8', 8, 8 + headerLength));
    const at = 8 + headerLength + header['eps2'].data_offsets[0];
    samples.writeFloatLE(samples.readFloatLE(at) + 1, at);
    await writeFile(path.join(folder, 'micro.safetensors'), samples);
    const { code, stdout } = await interlcm('verify', wrong, '--json');
    const report = JSON.parse(stdout);
    expect(report.failed).toBe(1);
    expect(report.rows.filter((row: { passed: boolean }) => !row.passed)).toMatchObject([{ name: 'eps2' }]);
    expect(code).toBe(1);
  });

  it('says what it needs', async () => {
    expect(await interlcm('verify')).toMatchObject({ code: 2 });
    const missing = await interlcm('verify', path.join(folder, 'nowhere'));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/Cannot verify .*nowhere: there is no such file or directory/);
  });

  describe.skipIf(!existsSync(shared))('on whole checkpoints', () => {
    it.each(['tiny-4step', 'tiny-2step'])('%s passes', { timeout: minutes }, async (name) => {
      const { code, stdout } = await interlcm('verify', path.join(shared, name));
      expect(stdout).not.toContain('FAIL');
      expect(code).toBe(0);
    });

    it('image operations pass', { timeout: minutes }, async () => {
      const { code, stdout } = await interlcm('verify', path.join(shared, 'image-ops'));
      expect(stdout).toMatch(/^ok {3}pasted x2, mean /m);
      expect(stdout).not.toContain('FAIL');
      expect(code).toBe(0);
    });

    it('gradients pass', { timeout: 3 * minutes }, async () => {
      const { code, stdout } = await interlcm('verify', '--gradients', path.join(shared, 'tiny-4step'));
      expect(stdout).not.toContain('FAIL');
      expect(stdout).toContain('326 of 326');
      expect(code).toBe(0);
    });
  });
});

it('bench reports times, arithmetic and memory', { timeout: 2 * minutes }, async () => {
  const { code, stdout } = await interlcm('bench', '--size', 'micro', '--json');
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  for (const key of ['totalMs', 'loadMs', 'peakRssBytes', 'peakGflops'])
    expect(result[key], key).toBeGreaterThan(0);
  expect(result.stages.map((stage: { name: string }) => stage.name)).toEqual([
    'vision',
    'encode',
    'conditions',
    'spatial',
    'unet',
    'decode',
  ]);
  const unet = result.stages.find((stage: { name: string }) => stage.name === 'unet');
  expect(unet.calls).toBe(3);
  expect(unet.peakShare).toBeCloseTo(unet.gflop / (unet.ms / 1e3) / result.peakGflops, 6);
});

describe('interlcm info', () => {
  let checkpoint: string;
  beforeAll(async () => {
    checkpoint = path.join(folder, 'micro');
    await makeFormulaCheckpoint(microSpec, checkpoint);
  });

  it('lists what a checkpoint holds', { timeout: minutes }, async () => {
    const { code, stdout } = await interlcm('info', checkpoint, '--json');
    expect(code).toBe(0);
    const info = JSON.parse(stdout);
    expect(info.imageSize).toBe(64);
    expect(info.networks).toHaveLength(5);
  });

  it('reads everything, and names files that are damaged', { timeout: minutes }, async () => {
    const damaged = path.join(folder, 'damaged');
    await writeReleasedFolder(damaged);
    expect(await interlcm('info', damaged, '--check')).toMatchObject({ code: 0 });
    const file = path.join(damaged, 'interlcm/spatial_encoder.pth');
    const bytes = await readFile(file);
    const middle = bytes.length >> 1;
    bytes[middle] = bytes[middle]! ^ 1;
    await writeFile(file, bytes);
    expect(await interlcm('info', damaged)).toMatchObject({ code: 0 });
    const { code, stdout } = await interlcm('info', damaged, '--check');
    expect(stdout).toMatch(/^FAIL .*spatial_encoder\.pth, .* MB: 1 of its entries do not match/m);
    expect(stdout).toMatch(/^note .*diffusion_pytorch_model\.safetensors, .*\n {5}SHA-256 [0-9a-f]{64}$/m);
    expect(code).toBe(1);
  });

  it('names missing and unexpected tensors', { timeout: minutes }, async () => {
    const broken = path.join(folder, 'broken');
    await cp(checkpoint, broken, { recursive: true });
    const file = path.join(broken, 'lcm/vae/diffusion_pytorch_model.safetensors');
    const bytes = await readFile(file, 'latin1');
    await writeFile(file, bytes.replace('"quant_conv.bias"', '"quant_conv.bies"'), 'latin1');
    const { code, stdout } = await interlcm('info', broken);
    expect(stdout).toMatch(/missing: quant_conv\.bias/);
    expect(stdout).toMatch(/unexpected: quant_conv\.bies/);
    expect(code).toBe(1);
  });
});
