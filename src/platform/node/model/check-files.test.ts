import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkFiles } from './check-files.ts';
import { writeReleasedFolder } from './released-folder.test-support.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'check-files-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Flips a bit in the last tensor of a file: the middle of a zip archive, the end of others. */
async function damage(file: string, at: (length: number) => number): Promise<void> {
  const bytes = await readFile(path.join(root, file));
  const place = at(bytes.length);
  bytes[place] = bytes[place]! ^ 1;
  await writeFile(path.join(root, file), bytes);
}

const verdicts = async () =>
  Object.fromEntries(
    (await checkFiles(root, {})).map(({ file, verdict }) => [path.relative(root, file), verdict]),
  );

it('proves what holds checksums, and names what is damaged', async () => {
  await writeReleasedFolder(root);
  const seen: number[] = [];
  const checks = await checkFiles(root, {}, { onProgress: (_, done, total) => seen.push(done / total) });
  expect(checks).toHaveLength(5);
  expect(Math.max(...seen)).toBeLessThanOrEqual(1);
  expect(await verdicts()).toEqual({
    'lcm/unet/diffusion_pytorch_model.safetensors': 'unproven',
    'lcm/vae/diffusion_pytorch_model.safetensors': 'unproven',
    'clip/pytorch_model.bin': 'whole',
    'interlcm/visual_encoder.pth': 'whole',
    'interlcm/spatial_encoder.pth': 'whole',
  });
  for (const file of ['clip/pytorch_model.bin', 'interlcm/spatial_encoder.pth'])
    await damage(file, (length) => Math.floor(length / 2));
  const damaged = (await checkFiles(root, {})).filter(({ verdict }) => verdict === 'damaged');
  expect(damaged.map(({ file }) => path.basename(file))).toEqual([
    'pytorch_model.bin',
    'spatial_encoder.pth',
  ]);
  for (const { found } of damaged) expect(found).toMatch(/^1 of its entries do not match .*fetch it again$/);
});

it('gives the SHA-256 of what holds no checksums', async () => {
  await writeReleasedFolder(root, undefined, { container: 'before 1.6' });
  const checks = await checkFiles(root, {});
  for (const { file, sha256, verdict } of checks) {
    expect(verdict).toBe('unproven');
    expect(sha256).toBe(
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    );
  }
  expect(checks[0]!.found).toMatch(/^copies of the published file have another SHA-256, 7be46846/);
});

it('compares other published files beside them with their pinned digests', async () => {
  await writeReleasedFolder(root);
  await mkdir(path.join(root, 'face'));
  await writeFile(path.join(root, 'face/parsing_parsenet.pth'), 'PK\x03\x04 not the published file');
  expect(await verdicts()).toMatchObject({ 'face/parsing_parsenet.pth': 'damaged' });
});
