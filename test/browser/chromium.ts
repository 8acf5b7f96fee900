/** A real browser for tests, and built pages served to it. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { build, type InlineConfig, preview } from 'vite';

const usualPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser's executable: `CHROMIUM`, or where it usually lies; undefined if there is none. */
export const chromiumPath: string | undefined = [process.env['CHROMIUM'], ...usualPaths].find(
  (path) => path && existsSync(path),
);

const softwareWebGpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

/** @param webGpu offers an adapter that computes in software */
export function launchChromium({ webGpu = false } = {}): Promise<Browser> {
  const quiet = ['quic', 'background-networking', 'component-update', 'sync'].map((it) => `--disable-${it}`);
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--no-first-run', ...quiet, ...(webGpu ? softwareWebGpu : ['--disable-gpu'])],
  });
}

export interface ServedPage {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Builds a page and serves it on this machine.
 * @param outDir where the built page goes
 * @param publicDir files to serve beside it
 */
export async function servePage(
  outDir: string,
  { root, publicDir }: Pick<InlineConfig, 'root' | 'publicDir'> = {},
): Promise<ServedPage> {
  const config: InlineConfig = { root, publicDir, logLevel: 'error', build: { outDir, emptyOutDir: true } };
  await build(config);
  const server = await preview({ ...config, preview: { host: '127.0.0.1', port: 0 } });
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error(`Cannot serve the page in ${outDir}: the server has no address`);
  return { url, close: () => server.close() };
}
