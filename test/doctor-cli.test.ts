import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AdvisedRow, runDoctor } from '../src/cli/doctor.ts';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { microSpec } from '../src/verify/formula.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'doctor-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

type Options = Parameters<typeof runDoctor>[0];

/** @returns the exit code, and the rows by name */
async function examine(options: Partial<Options> = {}) {
  const stdout: string[] = [];
  const code = await runDoctor(
    {
      version: '1.2.3',
      nodeRange: '>=20.19',
      folders: [],
      foldersNamed: false,
      tryDevice: async () => ({ passed: 3, total: 3 }),
      ...options,
    },
    { json: true, stdout: { write: (text) => stdout.push(text) } },
  );
  const { rows } = JSON.parse(stdout.join('')) as { rows: AdvisedRow[] };
  return { code, rows: Object.fromEntries(rows.map((row) => [row.name, row])) };
}

describe('runDoctor', () => {
  it('says what to do about everything that is broken', async () => {
    const { code, rows } = await examine({
      nodeRange: '>=99.1',
      folders: [join(root, 'weights')],
      foldersNamed: true,
      tryDevice: async () => ({ passed: 1, total: 3 }),
    });
    expect(code).toBe(1);
    expect(rows['node']).toMatchObject({ status: 'failed', advice: expect.stringContaining('Node 99.1') });
    expect(rows['cpu']).toMatchObject({ status: 'failed', found: expect.stringContaining('1 of 3') });
    expect(rows['weights']).toMatchObject({
      status: 'failed',
      advice: `npx interlcm download interlcm-3step -o ${join(root, 'weights')}`,
    });
    for (const row of Object.values(rows)) if (row.status === 'failed') expect(row.advice).toBeTruthy();
  });

  it('does not hold a missing device, or weights that nobody named, against the machine', async () => {
    const { code, rows } = await examine({
      folders: [join(root, 'weights')],
      tryDevice: async (device) =>
        device === 'cpu' ? { passed: 3, total: 3 } : { passed: 0, total: 0, error: 'no adapter' },
    });
    expect(code).toBe(0);
    expect(rows['cpu']?.status).toBe('ok');
    expect(rows['weights']?.status).toBe('note');
    for (const name of ['webgpu', 'cuda'])
      if (rows[name])
        expect(rows[name]).toMatchObject({ status: 'note', found: expect.stringContaining('no adapter') });
  });

  it('tells a whole checkpoint from one that lacks something', async () => {
    const weights = join(root, 'weights');
    await makeFormulaCheckpoint(microSpec, weights);
    const whole = await examine({ folders: [weights], foldersNamed: true });
    expect(whole.rows['checkpoint']).toMatchObject({ status: 'ok' });
    expect(whole.code, JSON.stringify(whole.rows)).toBe(0);

    await writeFile(join(weights, 'interlcm/visual_encoder_1step.pth'), 'half');
    const lacking = await examine({ folders: [weights], foldersNamed: true });
    // The checkpoint beside it is whole: nothing is broken.
    expect(lacking.rows['checkpoint']).toMatchObject({ status: 'ok' });
    expect(lacking.code).toBe(0);
    expect(lacking.rows['interlcm-1step']).toMatchObject({
      status: 'note',
      found: expect.stringContaining('interlcm/spatial_encoder_1step.pth'),
      advice: `npx interlcm download interlcm-1step -o ${weights}`,
    });

    await rm(join(weights, 'clip'), { recursive: true });
    const { rows, code } = await examine({ folders: [weights], foldersNamed: true });
    expect(code).toBe(1);
    expect(rows['interlcm-1step']).toMatchObject({ status: 'failed' });
    expect(rows['checkpoint']).toMatchObject({ status: 'failed', found: expect.stringContaining('CLIP') });
  });

  it('does not ask for a whole checkpoint where only a detector, or encoders for one task, were fetched', async () => {
    const weights = join(root, 'weights');
    await mkdir(join(weights, 'face'), { recursive: true });
    await writeFile(join(weights, 'face/parsing_parsenet.pth'), 'cut short');
    const detector = await examine({ folders: [weights] });
    expect(detector.rows['checkpoint']).toBeUndefined();
    expect(detector.code).toBe(0);

    const task = join(root, 'task');
    await makeFormulaCheckpoint(microSpec, task);
    await copyFile(join(task, 'clip/model.safetensors'), join(task, 'clip/pytorch_model.bin'));
    for (const kind of ['visual', 'spatial'])
      for (const [from, to] of [
        ['safetensors', 'pth'],
        ['json', 'json'],
      ])
        await rename(
          join(task, `interlcm/${kind}_encoder.${from}`),
          join(task, `interlcm/${kind}_encoder_colorization_1step.${to}`),
        );
    const { code, rows } = await examine({ folders: [task], foldersNamed: true });
    expect(rows['colorization']).toMatchObject({ status: 'ok' });
    expect(rows['checkpoint']).toMatchObject({ status: 'ok' });
    expect(code).toBe(0);
  });

  it('looks at the model that comes along', async () => {
    const model = join(root, 'model');
    expect((await examine({ model })).rows['model']).toMatchObject({
      status: 'note',
      advice: expect.stringContaining('restore needs --checkpoint'),
    });
    await makeFormulaCheckpoint(microSpec, model);
    expect((await examine({ model })).rows['model']).toMatchObject({ status: 'ok' });
    await rm(join(model, 'clip'), { recursive: true });
    const broken = await examine({ model });
    expect(broken.rows['model']).toMatchObject({
      status: 'failed',
      advice: expect.stringContaining('npm ci'),
    });
    expect(broken.code).toBe(1);
  });

  it.skipIf(process.platform === 'win32')('finds the FFmpeg that FFMPEG_PATH names', async () => {
    const program = join(root, 'my-ffmpeg');
    await writeFile(program, '#!/bin/sh\necho ffmpeg version 9.9\n', { mode: 0o755 });
    vi.stubEnv('FFMPEG_PATH', program);
    vi.stubEnv('FFPROBE_PATH', join(root, 'missing'));
    try {
      const { rows } = await examine();
      expect(rows['ffmpeg']).toMatchObject({ status: 'ok', found: '9.9' });
      expect(rows['ffprobe']).toMatchObject({ status: 'note', found: 'not found' });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.skipIf(process.getuid?.() === 0)('notices a cache that cannot be written', async () => {
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = root;
    await chmod(root, 0o500);
    try {
      expect((await examine()).rows['cache']).toMatchObject({ status: 'failed' });
    } finally {
      await chmod(root, 0o700);
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
    }
  });
});

describe.skipIf(!existsSync(main))('interlcm doctor, built', () => {
  it('verifies this machine', { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'doctor', '--json'], {
      cwd: root,
      encoding: 'utf8',
    });
    const { failed, rows } = JSON.parse(stdout) as { failed: number; rows: AdvisedRow[] };
    expect(rows.find(({ name }) => name === 'cpu')).toMatchObject({ status: 'ok' });
    expect([failed, status], stderr).toEqual([0, 0]);
  });
});
