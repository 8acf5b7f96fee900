import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const contents = Buffer.alloc(4_000_000, 7);
contents.write('PK\x03\x04', 'latin1');

let root: string;
let server: Server;
let url: string;
let ranges: (string | undefined)[];
let running: ChildProcess | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'download-cli-'));
  ranges = [];
  // 64 kB every 25 ms: slow enough to be stopped on the way.
  server = createServer(async (request, response) => {
    const json = request.url!.endsWith('.json');
    if (!json) ranges.push(request.headers.range);
    const all = json ? Buffer.from('{}') : contents;
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"one"',
      'content-length': all.length - start,
      ...(start > 0 && { 'content-range': `bytes ${start}-${all.length - 1}/${all.length}` }),
    });
    for (let at = start; at < all.length && !response.destroyed; at += 65536) {
      response.write(all.subarray(at, at + 65536));
      await delay(ranges.length < 3 ? 25 : 0);
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  running?.kill('SIGKILL');
  server.closeAllConnections();
  server.close();
  await rm(root, { recursive: true, force: true });
});

function start(): { child: ChildProcess; ended: Promise<{ code: number | null; stderr: string }> } {
  const args = [main, 'download', 'sd15-unet', '--yes', '--mirror', url, '-o', join(root, 'weights')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  running = child;
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stderr })),
  );
  return { child, ended };
}

const folder = () => join(root, 'weights/sd15/unet');
const part = () => join(folder(), 'diffusion_pytorch_model.safetensors.part');

async function partBytes(): Promise<number> {
  return (await stat(part()).catch(() => undefined))?.size ?? 0;
}

/** Waits until the part has more than `bytes`. */
async function growBeyond(bytes: number): Promise<void> {
  for (let tries = 0; (await partBytes()) <= bytes; tries++) {
    if (tries > 400) throw new Error('the download does not get on');
    await delay(25);
  }
}

describe.skipIf(!existsSync(main))('interlcm download, built', () => {
  it('goes on after Ctrl-C and after a kill', async () => {
    const first = start();
    await growBeyond(100_000);
    first.child.kill('SIGINT');
    const interrupted = await first.ended;
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toContain('the same command goes on from there');
    const kept = await partBytes();

    const second = start();
    await growBeyond(kept + 100_000);
    second.child.kill('SIGKILL');
    await second.ended;
    const more = await partBytes();

    const third = await start().ended;
    expect(third).toMatchObject({ code: 0, stderr: expect.stringContaining('config.json is there already') });
    expect(ranges).toEqual([undefined, `bytes=${kept}-`, `bytes=${more}-`]);
    expect((await readdir(folder())).toSorted()).toEqual([
      'config.json',
      'diffusion_pytorch_model.safetensors',
    ]);
    const path = join(folder(), 'diffusion_pytorch_model.safetensors');
    expect((await readFile(path)).equals(contents)).toBe(true);
  });
});
