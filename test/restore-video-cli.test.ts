import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'restore-video-cli-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function restore(args: string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, [main, 'restore', '--checkpoint', 'w', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, DEBUG: undefined, ...env },
  });
}

describe.skipIf(!existsSync(main))('interlcm restore, of videos', () => {
  it.each([
    [['a.mp4', '--face', '0'], '--face is for pictures, not for videos'],
    [
      ['a/a.mp4', 'b/a.mp4'],
      'Two of the videos would be written to restored/a.mp4: restore them in runs of their own',
    ],
    [['a.mp4', '--upscale', '2'], '--upscale is for pictures, not for videos'],
  ])('%j is a mistake in the command', (args, message) => {
    const { status, stderr } = restore(args);
    expect([status, stderr]).toEqual([2, `interlcm: ${message}\n`]);
  });

  it('never replaces the input', async () => {
    await writeFile(join(root, 'a.mp4'), 'a video');
    const { status, stderr } = restore(['a.mp4', '-o', 'a.mp4']);
    expect([status, stderr]).toEqual([2, expect.stringContaining('that would replace the input')]);
  });

  it('says that FFmpeg is missing', () => {
    const { status, stdout, stderr } = restore(['a.mp4', '--json'], { FFPROBE_PATH: '/nowhere/ffprobe' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('Install FFmpeg (https://ffmpeg.org)')]);
    expect(JSON.parse(stdout)).toMatchObject({ videos: [{ input: 'a.mp4', status: 'failed' }] });
  });

  it.skipIf(!hasFfmpeg)('reports what is no video and does the others', async () => {
    await writeFile(join(root, 'a.mp4'), 'text');
    const { status, stdout } = restore(['a.mp4', 'gone.avi', '-o', 'out', '--json']);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      videos: [
        { output: join('out', 'a.mp4'), error: expect.stringContaining('Cannot read a.mp4 as a video: ') },
        { output: join('out', 'gone.mp4'), error: expect.stringContaining('Cannot read gone.avi') },
      ],
    });
    expect(await readdir(root)).toEqual(['a.mp4']);
  });

  it.skipIf(!hasFfmpeg)('takes videos among photos: of a folder, of a glob, named', async () => {
    const photo = sharp({ create: { width: 40, height: 40, channels: 3, background: '#345' } }).png();
    for (const [folder, name] of [
      ['album', 'a'],
      ['more', 'b'],
      ['.', 'c'],
    ] as const) {
      await mkdir(join(root, folder), { recursive: true });
      await photo.toFile(join(root, folder, `${name}.png`));
      const drawing = ['-v', 'error', '-f', 'lavfi', '-i', 'color=c=gray:s=64x64:r=10:d=0.2'];
      spawnSync('ffmpeg', [...drawing, join(folder, `${name}.mp4`)], { cwd: root });
    }
    const inputs = ['album', 'more/*', 'c.png', 'c.mp4', 'gone.mp4'];
    const { status, stdout, stderr } = restore([...inputs, '-o', 'out', '--json']);
    expect(status, stderr).toBe(1); // for the one that is not there
    const report = JSON.parse(stdout) as Record<'files' | 'videos', { input: string; status: string }[]>;
    const outcomes = (kind: 'files' | 'videos') =>
      report[kind].map((file) => [file.input.replaceAll('\\', '/'), file.status]);
    expect(outcomes('files')).toEqual(
      ['album/a.png', 'more/b.png', 'c.png'].map((file) => [file, 'unchanged']),
    );
    expect(outcomes('videos')).toEqual([
      ...['album/a.mp4', 'more/b.mp4', 'c.mp4'].map((file) => [file, 'unchanged']),
      ['gone.mp4', 'failed'],
    ]);
    const results = (await readdir(join(root, 'out'))).filter((name) => !name.startsWith('.'));
    expect(results.sort()).toEqual(['a.mp4', 'a.png', 'b.mp4', 'b.png', 'c.mp4', 'c.png']);
  });
});
