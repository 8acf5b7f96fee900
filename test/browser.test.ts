import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../src/platform/node/engine/node-runtime.ts';
import { openCheckpointFolder } from '../src/platform/node/model/checkpoint-store.ts';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { openCheckpoint } from '../src/restore/checkpoint.ts';
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

const metricsFolder = path.resolve(import.meta.dirname, '../../shared/reference/metrics');
/** Networks of the published sizes do not fit. */
const metricsSets = existsSync(metricsFolder)
  ? readdirSync(metricsFolder)
      .filter((file) => file.endsWith('.json') && !file.startsWith('full-'))
      .map((file) => path.basename(file, '.json'))
  : [];

describe.skipIf(!chromiumPath)('in a browser', () => {
  let folder: string;
  let checkpointFolder: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'interlcm-browser-'));
    checkpointFolder = path.join(folder, 'public', 'checkpoint');
    await makeFormulaCheckpoint(microSpec, checkpointFolder);
    if (metricsSets.length > 0)
      await cp(metricsFolder, path.join(folder, 'public', 'reference'), {
        recursive: true,
        filter: (file) => !path.basename(file).startsWith('full-'),
      });
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
    let page: Page;

    beforeAll(async () => {
      const opened = await open('engine', 'test/browser');
      ({ page, problems, server } = opened);
      inBrowser = await page.evaluate(() => (globalThis as unknown as EnginePage).engine.runEngine());

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

    it.skipIf(metricsSets.length === 0)(
      'has the reference values of metrics',
      {
        timeout: 120_000,
      },
      async () => {
        for (const set of metricsSets) {
          const rows = await page.evaluate(
            (name) => (globalThis as unknown as EnginePage).engine.verifyMetrics(name),
            set,
          );
          expect(rows.length, set).toBeGreaterThan(0);
          expect(
            rows.filter(({ passed }) => !passed).map(({ name, measured }) => [set, name, measured]),
          ).toEqual([]);
        }
      },
    );

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
});
