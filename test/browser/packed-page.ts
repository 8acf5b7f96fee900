/** The page as users get it: from the packed package, by its own command. */

import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

export interface PackedPage {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Packs this package, unpacks it where a project would have it, and starts `interlcm page` there.
 * @param folder for all of it; its dependencies are those of this clone
 */
export async function servePackedPage(folder: string): Promise<PackedPage> {
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!;
  const modules = path.join(folder, 'node_modules');
  await mkdir(path.join(modules, 'interlcm'), { recursive: true });
  await run('tar', [
    '-xzf',
    path.join(folder, tarball),
    '--strip-components=1',
    '-C',
    path.join(modules, 'interlcm'),
  ]);
  for (const name of await readdir(path.join(root, 'node_modules')))
    if (!name.startsWith('.')) await symlink(path.join(root, 'node_modules', name), path.join(modules, name));
  const main = path.join(modules, 'interlcm', 'dist', 'cli', 'main.js');
  const server = spawn(process.execPath, [main, 'page', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  for await (const line of createInterface(server.stdout)) {
    const url = /http:\/\/\S+/.exec(line)?.[0];
    if (!url) continue;
    return {
      url,
      close: async () => {
        server.kill();
        await ended;
      },
    };
  }
  throw new Error('Cannot serve the page: its command ended without an address');
}
