import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layOverMargins } from '../src/image/variation.ts';
import { psnr } from '../src/metrics/psnr.ts';
import { ssim } from '../src/metrics/ssim.ts';
import { loadRestorer } from '../src/platform/node/model/load-restorer.ts';
import { embeddedModel } from '../src/platform/node/model/packaged-models.ts';
import { type ImageFile, readImageFile } from '../src/platform/node/picture/image-file.ts';
import { restorePicture } from '../src/restore/photo/restore-picture.ts';
import type { Restorer } from '../src/restore/restorer.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const example = (name: string): string => path.join(project, 'examples', name);

describe('the embedded model', () => {
  let restorer: Restorer;
  let truth: ImageFile;
  let low: ImageFile;
  beforeAll(async () => {
    restorer = await loadRestorer(undefined, { device: 'cpu' });
    truth = await readImageFile(example('face.png'));
    low = await readImageFile(example('face-low.png'));
  });
  afterAll(() => restorer?.release());

  it('fits into 40 MB', async () => {
    const files = await readdir(embeddedModel, { recursive: true });
    const sizes = await Promise.all(
      files.map(async (file) => (await stat(path.join(embeddedModel, file))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(40e6);
  });

  it('brings the example closer to the truth', async () => {
    expect(restorer.imageSize).toBe(512);
    const pixels = await restorePicture(low.pixels, restorer, { seed: 0 });
    expect(psnr(pixels, truth.pixels) - psnr(low.pixels, truth.pixels)).toBeGreaterThan(1);
    expect(ssim(pixels, truth.pixels) - ssim(low.pixels, truth.pixels)).toBeGreaterThan(0.02);
  });

  it('restores a face that has a sharp picture beside it', async () => {
    const sides = { depths: [0.1, 0, 0.1, 0.15], shade: null } as const;
    const [framed, truly] = [low, truth].map(({ pixels }) => layOverMargins(pixels, truth.pixels, sides));
    const pixels = await restorePicture(framed!, restorer, { seed: 0 });
    expect(psnr(pixels, truly!) - psnr(framed!, truly!)).toBeGreaterThan(0.3);
  });

  it('leaves a good face nearly as it is', async () => {
    const pixels = await restorePicture(truth.pixels, restorer, { seed: 0 });
    expect(psnr(pixels, truth.pixels)).toBeGreaterThan(33);
  });

  it('restores without being told of a checkpoint', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'embedded-'));
    try {
      const main = path.join(project, 'dist/cli/main.js');
      const args = ['restore', example('face-low.png'), '-o', folder, '--aligned', '--format', 'png'];
      const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const written = await readImageFile(path.join(folder, 'face-low.png'));
      const pixels = await restorePicture(low.pixels, restorer, {});
      expect(psnr(written.pixels, pixels)).toBeGreaterThan(60);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
