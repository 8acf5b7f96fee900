import { defineConfig } from 'vite';

/** They isolate the page from other origins, which WebAssembly threads need; a server of the page sends them too. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** The page in src/page. */
export default defineConfig({
  root: 'src/page',
  base: './',
  publicDir: '../../models',
  build: { outDir: '../../dist/page', emptyOutDir: true, target: 'es2022' },
  worker: { format: 'es' },
  // Its modules find their WebAssembly files beside them, which bundling beforehand would break.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers },
  preview: { headers },
});
