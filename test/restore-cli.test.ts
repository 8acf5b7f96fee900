import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RestoreReport } from '../src/cli/restore/restore-files.ts';
import { drawFaces } from '../src/face/drawn-face.test-support.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const shared = fileURLToPath(new URL('../../shared/', import.meta.url));
const checkpoint = join(shared, 'reference/tiny-4step/checkpoint');
const faces = join(shared, 'data/inputs');
const face = { x: 30, y: 0, size: 250 };

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'restore-cli-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function visibleIn(folder: string): Promise<string[]> {
  return (await readdir(join(root, folder))).filter((name) => !name.startsWith('.'));
}

function interlcm(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, DEBUG: undefined, ...env },
  });
  return { status, stdout, stderr };
}

describe.skipIf(!existsSync(main))('interlcm, built', () => {
  it('shows its version and its help', () => {
    expect(interlcm(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    const help = interlcm(['--help']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toContain('restore');
    expect(interlcm([])).toMatchObject({ status: 0, stdout: help.stdout });
    const restore = interlcm(['restore', '--help']);
    expect(restore).toMatchObject({ status: 0, stderr: '' });
    for (const flag of ['--checkpoint', '--output', '--format', '--comparison', '--seed', '--json'])
      expect(restore.stdout).toContain(flag);
  });

  it.each([
    [['frobnicate'], 'Unknown command "frobnicate"'],
    [['--frobnicate'], 'Unknown flag --frobnicate'],
    [['restore'], 'restore needs a picture'],
    [['restore', 'a.png', '--checkpoint'], '--checkpoint needs a folder after it'],
    [['restore', 'a.png', '--checkpoint', 'w', '--colour-fix', 'none'], 'did you mean --color-fix?'],
    [['restore', 'a.png', '--checkpoint', 'w', '--format', 'bmp'], '--format takes input, png, jpeg'],
    [['restore', 'a.png', '--checkpoint', 'w', '--steps', '0'], '--steps takes a whole number from 1 to 50'],
    [
      ['restore', 'a.png', '--checkpoint', 'w', '--steps=2', '--start-step=3'],
      '--start-step 3 is after the last',
    ],
    [['restore', 'a.png', '--checkpoint', 'w', '--threads', 'many'], '--threads takes a whole number'],
    [['restore', 'a.png', '--checkpoint', 'w', '-o', 'b.png'], '--output b.png looks like a picture'],
  ])('%j is a mistake in the command', (args, message) => {
    const { status, stdout, stderr } = interlcm(args);
    expect(stderr).toMatch(/^interlcm: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('shows where an error comes from only when debugging', () => {
    expect(interlcm(['restore'], { DEBUG: '1' }).stderr).toMatch(/UsageError: restore needs[\s\S]*\n {4}at /);
  });

  it.skipIf(process.platform === 'win32')('is quiet when nobody reads what it writes', () => {
    const run = (redirection: string): string => {
      // The pipe's reader ends before the command begins.
      const script = `(sleep 0.3; "$0" "$1" ${redirection}; echo "$?" >&2) 3>&2 | true`;
      return spawnSync('sh', ['-c', script, process.execPath, main], { encoding: 'utf8' }).stderr;
    };
    expect(run('--help')).toBe('0\n');
    expect(run('frobnicate 2>&1')).toBe('2\n');
  });

  it('says what is wrong with a checkpoint', async () => {
    await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(
      join(root, 'a.png'),
    );
    const { status, stdout, stderr } = interlcm([
      'restore',
      'a.png',
      '--aligned',
      '--checkpoint',
      'nowhere',
      '--json',
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/\ninterlcm: [^\n]*nowhere/);
    expect(stderr).not.toContain('    at ');
    const report = JSON.parse(stdout) as RestoreReport;
    expect(report.error).toContain('nowhere');
    expect(report.files).toMatchObject([{ input: 'a.png', status: 'skipped' }]);
  });
});

describe.skipIf(!existsSync(main) || !existsSync(checkpoint))('interlcm restore, with a model', () => {
  it('restores every real face, with comparisons and one JSON document', async () => {
    const inputs = [join(faces, 'cropped_faces'), join(faces, 'gray_faces', '*.png')];
    const args = [
      // Two are sharp, and would be left alone.
      ...['restore', ...inputs, '--aligned', '--force', '-o', 'out', '--checkpoint', checkpoint],
      ...['--comparison', '--json'],
    ];
    const { status, stdout, stderr } = interlcm(args);
    expect(status, stderr).toBe(0);
    const report = JSON.parse(stdout) as RestoreReport;
    expect(report.files).toHaveLength(10);
    const outputs = report.files.flatMap(({ output, comparison }) => [output, comparison]);
    expect(new Set(outputs).size).toBe(20);
    for (const [index, output] of outputs.entries()) {
      const { width, height, format } = await sharp(join(root, output!)).metadata();
      expect({ format, ratio: width / height }).toEqual({ format: 'png', ratio: index % 2 ? 2 : 1 });
    }
    expect(stderr).toMatch(/10 of 10 restored in /);
  });

  it('gives the same picture for the same seed only', async () => {
    await copyFile(join(faces, 'cropped_faces/0631.png'), join(root, 'a.png'));
    const result = async (...flags: string[]): Promise<Buffer> => {
      const { status, stderr } = interlcm([
        ...['restore', 'a.png', '--aligned', '--again', '--checkpoint', checkpoint],
        ...flags,
      ]);
      expect(status, stderr).toBe(0);
      return readFile(join(root, 'restored/a.png'));
    };
    const first = await result('--seed', '1');
    expect(await result('--seed', '1')).toEqual(first);
    expect(await result('--seed', '2')).not.toEqual(first);
    expect(await result('--seed', '1', '--color-fix', 'none')).not.toEqual(first);
    expect(await result('--seed', '1', '--steps', '2')).not.toEqual(first);
  });

  it('goes on after a bad file, and says so at the end', async () => {
    await mkdir(join(root, 'in'));
    await copyFile(join(faces, 'cropped_faces/0631.png'), join(root, 'in/good.png'));
    await writeFile(join(root, 'in/bad.png'), 'text');
    const { status, stdout, stderr } = interlcm(['restore', 'in', '--aligned', '--checkpoint', checkpoint]);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/1 of 2 restored in .*\n {2}Cannot read in\/bad.png: it is not a picture\n$/);
    expect(await visibleIn('restored')).toEqual(['good.png']);
  });

  describe.skipIf(process.platform === 'win32')('interrupted', () => {
    const args = ['restore', '--aligned', '-o', 'out', '--checkpoint', checkpoint, '--comparison', '--json'];

    async function interrupt(signal: NodeJS.Signals, times = 1) {
      await mkdir(join(root, 'in'));
      for (let i = 0; i < 40; i++)
        await copyFile(join(faces, 'cropped_faces/0631.png'), join(root, `in/${i}.png`));
      const child = spawn(process.execPath, [main, ...args, 'in'], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = await interruptAfterFirst(child, signal, times);
      expect(ended.code).toBe(130);
      for (const name of await visibleIn('out')) {
        expect(name).toMatch(/^\d+(-comparison)?\.png$/);
        await sharp(join(root, 'out', name), { failOn: 'error' }).stats();
      }
      return ended;
    }

    it.each(['SIGINT', 'SIGTERM'] as const)(
      'ends with 130 on %s and leaves whole files only',
      async (signal) => {
        const { stdout, stderr } = await interrupt(signal);
        expect(stderr).toMatch(/interlcm: interrupted\n$/);
        const report = JSON.parse(stdout) as RestoreReport;
        expect(report).toMatchObject({ error: 'interrupted' });
        const done = report.files.filter(({ status }) => status === 'done');
        expect(done.length).toBeGreaterThan(0);
        expect(done.length).toBeLessThan(40);
        expect(report.files.filter(({ status }) => status === 'skipped')).toHaveLength(40 - done.length);
      },
    );

    it('twice loses no file that it has said to be done', async () => {
      const { stderr } = await interrupt('SIGINT', 2);
      const done = [...stderr.matchAll(/(in\/\d+\.png) → /g)].map(([, input]) => input!);
      expect(done.length).toBeGreaterThan(0);
      const { status, stdout } = interlcm([...args, ...done]);
      expect(status).toBe(0);
      const { files } = JSON.parse(stdout) as RestoreReport;
      expect(files.map((file) => file.status)).toEqual(done.map(() => 'kept'));
    });
  });
});

describe.skipIf(!existsSync(main) || !existsSync(checkpoint))('interlcm restore, of photos', () => {
  it('finds, restores and says what it did', async () => {
    await writeFile(
      join(root, 'photo.jpg'),
      await sharp(drawFaces(300, 260, [face]))
        .jpeg()
        .toBuffer(),
    );
    const { status, stderr } = interlcm(['restore', 'photo.jpg', '--force', '--checkpoint', checkpoint]);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /1 face: 1 restored\n {2}face 0 \(\d+ x \d+ at \d+,\d+\): identity distance \d\.\d\d/,
    );
    expect(await sharp(join(root, 'restored/photo.jpg')).metadata()).toMatchObject({
      width: 300,
      height: 260,
    });
    const listed = interlcm(['faces', 'photo.jpg', '-o', 'seen.png']);
    expect(listed).toMatchObject({ status: 0, stderr: '' });
    expect(listed.stdout).toMatch(/^photo.jpg: 300 x 260, 1 face by face-api → seen.png\n {3}0 {2}score/);
  });

  it.skipIf(process.platform === 'win32')(
    'goes on after a kill, and does nothing twice',
    async () => {
      await mkdir(join(root, 'in'));
      const photo = await sharp(drawFaces(120, 100, [{ x: 5, y: -5, size: 110 }]))
        .png()
        .toBuffer();
      for (let i = 0; i < 5; i++)
        await writeFile(join(root, `in/${i}.png`), Buffer.concat([photo, Buffer.from([i])]));
      const args = ['restore', 'in', '--force', '--min-size', '40', '--checkpoint', checkpoint, '--json'];
      const child = spawn(process.execPath, [main, ...args], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await interruptAfterFirst(child, 'SIGKILL');
      const before = (await visibleIn('restored')).length;
      expect(before).toBeGreaterThan(0);
      expect(before).toBeLessThan(5);
      const { status, stdout, stderr } = interlcm(args);
      expect(status, stderr).toBe(0);
      const { files } = JSON.parse(stdout) as RestoreReport;
      expect(files.filter((file) => file.status === 'kept')).toHaveLength(before);
      expect(files.filter((file) => file.status === 'done')).toHaveLength(5 - before);
      expect(await visibleIn('restored')).toHaveLength(5);
      // Two processes, each of which loads three networks.
    },
    240_000,
  );
});

/** Sends `signal` as soon as one picture is done, and again at once; the code is what a shell makes of the end. */
function interruptAfterFirst(
  child: ChildProcess,
  signal: NodeJS.Signals,
  times = 1,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (!stderr.includes('→') && (stderr + text).includes('→'))
      for (let i = 0; i < times; i++) child.kill(signal);
    stderr += text;
  });
  return new Promise((resolve) =>
    child.on('close', (status, killedBy) => {
      const code = killedBy === null ? status : 128 + constants.signals[killedBy];
      resolve({ code, stdout, stderr });
    }),
  );
}
