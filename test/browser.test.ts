import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../src/platform/node/engine/node-runtime.ts';
import { openCheckpointFolder } from '../src/platform/node/model/checkpoint-store.ts';
import { embeddedModel } from '../src/platform/node/model/embedded-model.ts';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { loadRestorer } from '../src/platform/node/model/load-restorer.ts';
import { readImageFile } from '../src/platform/node/picture/image-file.ts';
import { openCheckpoint } from '../src/restore/checkpoint.ts';
import { restorePicture } from '../src/restore/photo/restore-picture.ts';
import { relativeError } from '../src/tensor/host-tensor.ts';
import { microSpec } from '../src/verify/formula.ts';
import { chromiumPath, launchChromium, type ServedPage, servePage } from './browser/chromium.ts';
import type { Engine } from './browser/engine.ts';
import { restoreFormulaImage, runKernels, type TensorValues } from './browser/engine-cases.ts';
import { expectedOfRuntime } from './browser/runtime-contract.ts';

/** What the engine's page offers. */
interface EnginePage {
  readonly engine: Engine;
}

/** Float32 rounding, in kernels that add up in another order. */
const tolerance = 1e-4;

describe.skipIf(!chromiumPath)('in a browser', () => {
  let folder: string;
  let checkpointFolder: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'interlcm-browser-'));
    checkpointFolder = path.join(folder, 'public', 'checkpoint');
    await makeFormulaCheckpoint(microSpec, checkpointFolder);
    await cp(embeddedModel, path.join(folder, 'public', 'embedded'), { recursive: true });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Serves a page and opens it, with the problems it reports. */
  async function open(
    name: string,
    root?: string,
  ): Promise<{ page: Page; problems: string[]; server: ServedPage }> {
    const server = await servePage(path.join(folder, name), { root, publicDir: path.join(folder, 'public') });
    const page = await browser.newPage({ viewport: { width: 900, height: 1400 } });
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== new URL(server.url).origin)
        problems.push(`asked another server: ${request.url()}`);
    });
    await page.goto(server.url);
    return { page, problems, server };
  }

  describe('the engine', () => {
    let inBrowser: Awaited<ReturnType<Engine['runEngine']>>;
    let restored: TensorValues;
    let kernels: TensorValues;
    let problems: string[];
    let server: ServedPage;

    beforeAll(async () => {
      const opened = await open('engine', 'test/browser');
      ({ problems, server } = opened);
      inBrowser = await opened.page.evaluate(() => (globalThis as unknown as EnginePage).engine.runEngine());

      const store = await openCheckpointFolder(checkpointFolder);
      const runtime = await createNodeRuntime({ device: 'cpu' });
      restored = await restoreFormulaImage(await openCheckpoint(store), runtime);
      kernels = await runKernels(runtime);
      await store.close();
    });
    afterAll(async () => {
      await server?.close();
    });

    const expectSame = (actual: TensorValues, expected: TensorValues): void => {
      expect(Object.keys(actual)).toEqual(Object.keys(expected));
      const errors = Object.entries(expected).map(
        ([name, values]) =>
          [name, relativeError(Float32Array.from(actual[name]!), Float32Array.from(values))] as const,
      );
      expect(errors.filter(([, error]) => !(error <= tolerance))).toEqual([]);
    };

    it('falls back to WebAssembly where there is no WebGPU, and says why', () => {
      expect(inBrowser.device).toBe('wasm');
      expect(inBrowser.reason).toMatch(
        /^WebGPU cannot be used: this browser offers no adapter; \d+ threads?$/,
      );
      expect(problems).toEqual([]);
    });

    it('keeps the contract of runtimes', () => {
      expect(inBrowser.contract).toEqual(expectedOfRuntime);
    });

    it('computes every tensor of a restoration as Node does', () => {
      for (const name of ['latent', 'eps1', 'eps2', 'eps3', 'decoded', 'wavelet'])
        expect(restored).toHaveProperty(name);
      expectSame(inBrowser.restored, restored);
    });

    it('has the kernels of larger models', () => {
      expectSame(inBrowser.kernels, kernels);
    });

    it('takes WebGPU only if it computes correctly', async () => {
      const withGpu = await launchChromium({ webGpu: true });
      try {
        const page = await withGpu.newPage();
        await page.goto(server.url);
        const result = await page.evaluate(() =>
          (globalThis as unknown as EnginePage).engine.runEngineKernels(),
        );
        // Software adapters have been seen to fail the check, so either device is right here.
        expect(result.reason).toMatch(
          result.device === 'webgpu' ? /^this browser offers it$/ : /^WebGPU cannot be used: /,
        );
        expectSame(result.kernels, kernels);
      } finally {
        await withGpu.close();
      }
    });
  });

  describe('the page', () => {
    let page: Page;
    let problems: string[];
    let server: ServedPage;
    let photo: string;

    beforeAll(async () => {
      ({ page, problems, server } = await open('page'));
      photo = path.join(folder, 'photo.png');
      const gradient = Buffer.alloc(80 * 60 * 3).map((_, i) => (i * 7) % 256);
      await sharp(gradient, { raw: { width: 80, height: 60, channels: 3 } })
        .png()
        .toFile(photo);
    });
    afterAll(async () => {
      await server?.close();
    });

    const status = (text: RegExp) => page.getByRole('status').filter({ hasText: text });

    it('needs a photo before it starts', async () => {
      await page.getByRole('button', { name: 'Restore' }).click();
      expect(
        await page.locator('#picture').evaluate((input: HTMLInputElement) => input.checkValidity()),
      ).toBe(false);
      expect(await page.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(true);
    });

    it('cancels, and can be started again', async () => {
      await page.locator('#picture').setInputFiles(photo);
      await page.getByLabel('Micro demo weights').check();
      await page.getByRole('button', { name: 'Restore' }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await status(/^Cancelled$/).waitFor();
      expect(await page.locator('#result').isVisible()).toBe(false);
      expect(await page.getByRole('button', { name: 'Restore' }).isEnabled()).toBe(true);
    });

    it('restores a photo and offers the result in its proportions', async () => {
      await page.getByRole('button', { name: 'Restore' }).click();
      await status(/^Done in .* wasm: /).waitFor();
      await page.getByRole('slider').focus();
      await page.keyboard.press('ArrowLeft');
      expect(await page.getByRole('slider').inputValue()).toBe('49');

      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download PNG' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe('restored.png');
      const { width, height, format } = await sharp(await readFile(await download.path())).metadata();
      expect({ width, height, format }).toEqual({ width: 64, height: 48, format: 'png' });
      expect(await page.getByRole('alert').textContent()).toBe('');
      expect(problems).toEqual([]);
      const screenshot = process.env['INTERLCM_SCREENSHOT'];
      await page.screenshot({ path: screenshot ?? path.join(folder, 'page.png'), fullPage: true });
    });

    it("restores with the page's own model as Node does", async () => {
      const face = fileURLToPath(new URL('../examples/face-low.png', import.meta.url));
      await page.locator('#picture').setInputFiles(face);
      await page.getByLabel('The small model of this page').check();
      await page.getByRole('button', { name: 'Restore' }).click();
      await status(/^Done in .* wasm: /).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download PNG' }).click(),
      ]);
      const inPage = await readImageFile(await download.path());
      const restorer = await loadRestorer(undefined, { device: 'cpu' });
      try {
        const pixels = await restorePicture((await readImageFile(face)).pixels, restorer, { seed: 0 });
        const differences = Float32Array.from(pixels.data, (value, i) =>
          Math.abs(value - inPage.pixels.data[i]!),
        );
        // Equal to 1e-3 of the range, or a quarter of a level: some values round to the next one.
        expect(differences.filter((difference) => difference > 1)).toHaveLength(0);
        const share = differences.reduce((sum, value) => sum + value, 0) / differences.length;
        expect(share).toBeLessThan(0.05);
      } finally {
        await restorer.release();
      }
      expect(problems).toEqual([]);
    });

    it('restores an upright picture with a checkpoint from a server', async () => {
      const turned = path.join(folder, 'turned.jpg');
      await sharp(photo).withMetadata({ orientation: 6 }).jpeg().toFile(turned);
      await page.locator('#picture').setInputFiles(turned);
      await page.getByLabel('A checkpoint folder on a server').check();
      await page.getByLabel('Address of the folder').fill('checkpoint');
      await page.getByRole('button', { name: 'Restore' }).click();
      await status(/^Done in .* wasm: /).waitFor();
      const size = await page.getByAltText('The restored face').evaluate(async (image: HTMLImageElement) => {
        await image.decode();
        return [image.naturalWidth, image.naturalHeight];
      });
      expect(size).toEqual([48, 64]);
      expect(problems).toEqual([]);
    });

    it('says what is wrong with a file that is no picture', async () => {
      await page
        .locator('#picture')
        .setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no') });
      await page.getByRole('button', { name: 'Restore' }).click();
      await page
        .getByRole('alert')
        .filter({ hasText: /^Cannot read the picture/ })
        .waitFor();
    });

    it('says what is missing on a server that has no checkpoint', async () => {
      await page.locator('#picture').setInputFiles(photo);
      await page.getByLabel('A checkpoint folder on a server').check();
      await page.getByLabel('Address of the folder').fill('nothing-here');
      await page.getByRole('button', { name: 'Restore' }).click();
      await page
        .getByRole('alert')
        .filter({ hasText: /it has no weights of the LCM UNet/ })
        .waitFor();
    });
  });
});
