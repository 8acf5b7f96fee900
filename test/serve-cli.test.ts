/** The service as it is started: real processes, the embedded model, kills at any moment. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { hasRedis, startRedis } from '../src/server/job/redis-server.test-support.ts';
import { chromiumPath, launchChromium } from './browser/chromium.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const face = readFileSync(new URL('../examples/face-low.png', import.meta.url));
const minutes = 60_000;

const folder = mkdtempSync(path.join(tmpdir(), 'interlcm-serve-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly said: string;
}

/**
 * @param until what it says on standard error once it is there
 * @param later takes what ends it
 */
function run(
  args: readonly string[],
  until: RegExp,
  later: (end: () => Promise<void>) => void = onTestFinished,
): Promise<Started> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  later(async () => void (await kill(child, 'SIGKILL')));
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', (text) => {
      said += text;
      const found = until.exec(said);
      if (found) resolve({ child, said: found[1] ?? found[0] });
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
}

function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
  });
}

const serve = (data: string, later?: (end: () => Promise<void>) => void): Promise<Started> =>
  run(['serve', '--port', '0', '--data', data, '--threads', '2'], /Restoring at (\S+)/, later);

interface Restoration {
  readonly id: string;
  readonly status: string;
  readonly problem?: { readonly type: string };
  readonly result?: { readonly href: string };
}

async function send(url: string, photo: Uint8Array<ArrayBuffer>, query = ''): Promise<Restoration> {
  const response = await fetch(`${url}/v1/restorations${query}`, { method: 'POST', body: photo });
  expect(response.status).toBe(202);
  return (await response.json()) as Restoration;
}

async function reached(url: string, id: string, ...states: readonly string[]): Promise<Restoration> {
  for (;;) {
    const job = (await (await fetch(`${url}/v1/restorations/${id}`)).json()) as Restoration;
    if (states.includes(job.status)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const finished = (url: string, id: string): Promise<Restoration> => reached(url, id, 'done', 'failed');

const resultOf = async (url: string, id: string): Promise<Buffer> =>
  Buffer.from(await (await fetch(`${url}/v1/restorations/${id}/result`)).arrayBuffer());

/** Ids of processes that restore for a service. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** What the command line makes of the same photo. */
let expected: Buffer;
beforeAll(async () => {
  const input = path.join(folder, 'face.png');
  await sharp(face).toFile(input);
  const out = path.join(folder, 'out');
  execFileSync(process.execPath, [main, 'restore', input, '-o', out, '--threads', '2'], { stdio: 'ignore' });
  expected = await sharp(path.join(out, 'face.png')).removeAlpha().raw().toBuffer();
}, 5 * minutes);

/** Begun early: a worker counts as lost only after a while. */
let abandoned: { readonly url: string; readonly id: string; readonly shared: readonly string[] };
if (hasRedis)
  beforeAll(async () => {
    const ends: (() => Promise<unknown>)[] = [];
    const later = (end: () => Promise<void>): void => void ends.push(end);
    const redis = await startRedis();
    ends.push(() => redis.stop());
    const shared = ['--redis', redis.url, '--data', path.join(folder, 'shared')];
    const accepting = ['serve', '--port', '0', '--accept-only', ...shared];
    const { said: url } = await run(accepting, /Restoring at (\S+)/, later);
    const { id } = await send(url, new Uint8Array(face));
    const { child } = await run(['work', ...shared, '--threads', '1'], /Working/, later);
    await reached(url, id, 'running');
    await kill(child, 'SIGKILL');
    abandoned = { url, id, shared };
    return async () => {
      for (const end of ends.reverse()) await end();
    };
  }, 5 * minutes);

describe('one service', () => {
  let service: Started;
  beforeAll(async () => {
    let end: (() => Promise<void>) | undefined;
    service = await serve(path.join(folder, 'plain'), (it) => {
      end = it;
    });
    return end;
  });

  it(
    'restores as the command line does, and refuses what is no photo',
    async () => {
      const { said: url } = service;
      const answer = await fetch(`${url}/v1/restorations`, {
        method: 'POST',
        body: new Uint8Array(face),
        headers: { prefer: 'wait', accept: 'image/*' },
      });
      expect(answer.status).toBe(200);
      const pixels = await sharp(Buffer.from(await answer.arrayBuffer()))
        .removeAlpha()
        .raw()
        .toBuffer();
      expect(pixels.equals(expected)).toBe(true);

      const noPhoto = await send(url, new Uint8Array([1, 2, 3]));
      expect(await finished(url, noPhoto.id)).toMatchObject({
        status: 'failed',
        problem: { type: 'urn:interlcm:problem:unreadable-picture' },
      });
      const found = await fetch(`${url}/v1/faces`, { method: 'POST', body: new Uint8Array(face) });
      // It is an aligned face itself.
      expect(await found.json()).toMatchObject({ width: 512, height: 512, faces: null });
      const photo = await sharp(face).extend({ right: 512, extendWith: 'mirror' }).png().toBuffer();
      const two = await fetch(`${url}/v1/faces`, { method: 'POST', body: new Uint8Array(photo) });
      expect(await two.json()).toMatchObject({
        width: 1024,
        height: 512,
        faces: [{ index: 0 }, { index: 1 }],
      });
      expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready' });
    },
    5 * minutes,
  );

  it.skipIf(!chromiumPath)(
    'serves the page, which restores by the service as the service does',
    async () => {
      const { said: url } = service;
      const head = await fetch(`${url}/`, { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(head.headers.get('content-security-policy')).toContain("'wasm-unsafe-eval'");
      expect(head.headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(head.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
      const health = await fetch(`${url}/healthz`);
      expect(health.headers.get('content-security-policy')).not.toContain('wasm');
      for (const out of [
        '/../package.json',
        '/..%2f..%2fpackage.json',
        '/assets/..%2f..%2f..%2fpackage.json',
      ])
        expect((await fetch(url + out)).status).toBe(404);

      const photo = await sharp({ create: { width: 560, height: 300, channels: 3, background: '#8fa3b0' } })
        .composite([
          { input: await sharp(face).resize(190).toBuffer(), left: 40, top: 60 },
          { input: await sharp(face).flop().resize(170).toBuffer(), left: 330, top: 90 },
        ])
        .png()
        .toBuffer();
      const answer = await fetch(`${url}/v1/restorations`, {
        method: 'POST',
        body: new Uint8Array(photo),
        headers: { prefer: 'wait', accept: 'image/*' },
      });
      const theirs = await sharp(Buffer.from(await answer.arrayBuffer()))
        .removeAlpha()
        .raw()
        .toBuffer();
      const browser = await launchChromium();
      try {
        const page = await browser.newPage({ locale: 'en-US' });
        page.setDefaultTimeout(5 * minutes);
        const sent: string[] = [];
        page.on(
          'request',
          (request) => request.method() === 'POST' && sent.push(new URL(request.url()).pathname),
        );
        await page.goto(url);
        await page.getByText('Your photos never leave this device.').waitFor();
        await page.getByText('Model', { exact: true }).click();
        await page.getByText(/Photos then leave this device: they are sent to 127\.0\.0\.1/).waitFor();
        await page.getByLabel('The server of this page').check();
        await page.getByRole('button', { name: 'Use this model' }).click();
        await page.getByText(/^Photos are sent to 127\.0\.0\.1/).waitFor();
        await page
          .locator('#choose')
          .setInputFiles({ name: 'two.png', mimeType: 'image/png', buffer: photo });
        await page.locator('.outline[data-state=restored]').nth(1).waitFor();
        await page.getByText(/^Done:/).waitFor();
        expect(sent).toEqual(['/v1/faces', '/v1/restorations']);
        const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
        // The page's PNGs all say how opaque they are.
        const ours = await sharp(await download.path())
          .removeAlpha()
          .raw()
          .toBuffer();
        expect(ours.equals(theirs)).toBe(true);
      } finally {
        await browser.close();
      }
    },
    8 * minutes,
  );

  it('stops when told', async () => {
    expect(await kill(service.child, 'SIGTERM')).toBe(0);
  });
});

it(
  'ends at once at a second signal, while a network runs, and loses nothing',
  async () => {
    const data = path.join(folder, 'twice');
    const { child, said: url } = await serve(data);
    const large = await sharp(face).resize(2400, 2400).png({ compressionLevel: 1 }).toBuffer();
    const job = await send(url, new Uint8Array(large), '?force=true&aligned=true&seed=1');
    await reached(url, job.id, 'running');
    child.kill('SIGTERM');
    expect(await kill(child, 'SIGINT')).toBe(130);
    const kept = JSON.parse(readFileSync(path.join(data, 'jobs', `${job.id}.json`), 'utf8')) as Restoration;
    expect(['running', 'queued']).toContain((kept as unknown as { state: string }).state);
  },
  5 * minutes,
);

it(
  'loses one job at most when the process dies that restores',
  async () => {
    const { child, said: url } = await serve(path.join(folder, 'crash'));
    const large = await sharp(face).resize(2400, 2400).png({ compressionLevel: 1 }).toBuffer();
    const lost = await send(url, new Uint8Array(large), '?force=true');
    const next = await send(url, new Uint8Array(face));
    await reached(url, lost.id, 'running');
    const [restoring] = childrenOf(child.pid!);
    process.kill(restoring!, 'SIGKILL');
    expect(await finished(url, lost.id)).toMatchObject({
      status: 'failed',
      problem: { type: 'urn:interlcm:problem:worker-lost' },
    });
    expect(await finished(url, next.id)).toMatchObject({ status: 'done' });
  },
  5 * minutes,
);

it(
  'does what it accepted after kill -9, once',
  async () => {
    const data = path.join(folder, 'killed');
    const first = await serve(data);
    const jobs: Restoration[] = [];
    for (let i = 0; i < 3; i++) jobs.push(await send(first.said, new Uint8Array(face), `?seed=${i}`));
    await reached(first.said, jobs[0]!.id, 'running', 'done');
    await kill(first.child, 'SIGKILL');
    const { child, said: url } = await serve(data);
    for (const { id } of jobs) expect(await finished(url, id)).toMatchObject({ status: 'done' });
    const pixels = await sharp(await resultOf(url, jobs[0]!.id))
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(pixels.equals(expected)).toBe(true);
    expect(readdirSync(path.join(data, 'pictures')).sort()).toEqual(jobs.map(({ id }) => id).sort());
    await kill(child, 'SIGTERM');
  },
  5 * minutes,
);

it.skipIf(!hasRedis)(
  'gives the job of a worker that died to another one (needs redis-server)',
  async () => {
    const { url, id, shared } = abandoned;
    await run(['work', ...shared, '--threads', '2'], /Working/);
    expect(await finished(url, id)).toMatchObject({ status: 'done' });
    const pixels = await sharp(await resultOf(url, id))
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(pixels.equals(expected)).toBe(true);
  },
  5 * minutes,
);

it('says which flags do not go together', () => {
  const refuse = (...args: string[]): string => {
    try {
      execFileSync(process.execPath, [main, ...args], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return `${status} ${stderr}`;
    }
    return 'accepted';
  };
  expect(refuse('serve', '--host', '0.0.0.0')).toMatch(/^2 .*--without-keys/);
  expect(refuse('serve', '--accept-only')).toMatch(/^2 .*--redis/);
  expect(refuse('serve', '--redis', 'http://x')).toMatch(/^2 .*--redis takes an address/);
  expect(refuse('work')).toMatch(/^2 .*--redis/);
  expect(refuse('serve', '--keys', '/nowhere')).toMatch(/^1 .*Cannot read the keys in \/nowhere/);
});
