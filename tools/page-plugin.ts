/** What the page's build adds to Vite's: the files that its worker downloads, their list, and the service worker's. */

import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Connect, Plugin } from 'vite';
import { contentSecurityPolicy } from '../src/platform/node/page/page-headers.ts';

const root = path.resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const folderOf = (module: string): string => path.dirname(require.resolve(module, { paths: [root] }));

/** Built files of the page that its worker does not need to be shown. */
const shellFiles = /\.(html|js|css|svg|png|webmanifest|json|wasm)$/;
/** Beside its script; the page gives its own. */
const engineAsset = /(^|\/)ort-wasm-[^/]*\.wasm$/;

/** Files that the page's worker downloads, by their paths below the page, and where they lie here. */
function workerFiles(): Map<string, string> {
  const files = new Map<string, string>();
  const models = path.join(root, 'models');
  for (const folder of ['embedded', 'faces'])
    for (const entry of readdirSync(path.join(models, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === 'LICENSE') continue;
      const file = path.join(entry.parentPath, entry.name);
      files.set(path.relative(models, file).split(path.sep).join('/'), file);
    }
  const engine = folderOf('onnxruntime-web');
  files.set('engine/wasm.wasm', path.join(engine, 'ort-wasm-simd-threaded.wasm'));
  files.set('engine/webgpu.wasm', path.join(engine, 'ort-wasm-simd-threaded.asyncify.wasm'));
  return files;
}

function listFiles(files: ReadonlyMap<string, string>): string {
  const list = [...files].map(([name, file]) => {
    const content = readFileSync(file);
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { path: name, address: name, bytes: content.length, sha256 };
  });
  return JSON.stringify(list);
}

/**
 * @param whole The built folder has all files, for any server; else those of the model and the face networks are left
 *   to the package's own server, which sends the engine's as they lie there: compressed, a quarter of their size.
 */
export function pagePlugin({ whole }: { readonly whole: boolean }): Plugin {
  const files = workerFiles();
  const serve: Connect.NextHandleFunction = (request, response, next) => {
    const name = new URL(request.url ?? '/', 'http://page').pathname.slice(1);
    const file = files.get(name);
    if (name === 'files.json') response.end(listFiles(files));
    else if (file) createReadStream(file).pipe(response);
    else next();
  };
  return {
    name: 'interlcm-page',
    configureServer: (server) => void server.middlewares.use(serve),
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { server }) =>
        server
          ? []
          : [
              {
                tag: 'meta',
                attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy('meta') },
                injectTo: 'head-prepend',
              },
            ],
    },
    generateBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) if (engineAsset.test(name)) delete bundle[name];
      for (const [name, file] of files) {
        if (whole) this.emitFile({ type: 'asset', fileName: name, source: readFileSync(file) });
        else if (name.startsWith('engine/'))
          this.emitFile({ type: 'asset', fileName: `${name}.gz`, source: gzipSync(readFileSync(file)) });
      }
      this.emitFile({ type: 'asset', fileName: 'files.json', source: listFiles(files) });
    },
    writeBundle({ dir }) {
      const built = readdirSync(dir!, { recursive: true, encoding: 'utf8' })
        .map((file) => file.split(path.sep).join('/'))
        .filter((file) => shellFiles.test(file) && file !== 'service-worker.js' && !files.has(file))
        .sort();
      insertShell(path.join(dir!, 'service-worker.js'), dir!, built);
    },
  };
}

/** Tells the service worker what to keep, and a version that changes whenever any of it does. */
function insertShell(worker: string, dir: string, built: readonly string[]): void {
  const hash = createHash('sha256');
  for (const file of built) hash.update(file).update(readFileSync(path.join(dir, file)));
  const shell = {
    version: hash.digest('hex').slice(0, 16),
    files: ['./', ...built.filter((file) => file !== 'index.html')],
  };
  const code = readFileSync(worker, 'utf8');
  writeFileSync(worker, `const PAGE_SHELL=${JSON.stringify(shell)};\n${code}`);
}
