import path from 'node:path';
import { defineConfig } from 'vite';
import { pageHeaders } from './src/platform/node/page/page-headers.ts';
import { pagePlugin } from './tools/page-plugin.ts';

const page = path.resolve(import.meta.dirname, 'src/page');

/** The page in src/page. `--mode site` builds a folder for any server, otherwise the package's part of it. */
export default defineConfig(({ mode, command }) => {
  const whole = mode === 'site';
  const { 'content-security-policy': _, ...headers } = pageHeaders;
  return {
    root: page,
    base: './',
    plugins: [pagePlugin({ whole })],
    build: {
      outDir: path.resolve(import.meta.dirname, whole ? 'site' : 'dist/page'),
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: {
          index: path.join(page, 'index.html'),
          'service-worker': path.join(page, 'service-worker.ts'),
        },
        output: {
          entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
        },
      },
    },
    worker: { format: 'es' },
    // Its modules find their WebAssembly files beside them, which bundling beforehand would break.
    optimizeDeps: {
      exclude: ['onnxruntime-web', '@jsquash/jpeg', '@jsquash/png', '@jsquash/webp', '@jsquash/avif'],
    },
    // What Vite itself puts into a page under development the strict policy would forbid.
    server: { headers: command === 'serve' ? headers : {} },
  };
});
