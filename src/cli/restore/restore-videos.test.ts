import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { VideoReport, VideoRequest } from '../../platform/node/video/video-request.ts';
import type { RestoreEnvironment } from './restore-files.ts';
import { restoreVideos } from './restore-videos.ts';

const restored = vi.hoisted(() => [] as string[]);
vi.mock('../../platform/node/video/restore-video.ts', () => ({
  restoreVideo: async ({ output, onResult }: VideoRequest) => {
    restored.push(path.basename(output));
    await mkdir(path.dirname(output), { recursive: true });
    await writeFile(output, 'a restored video');
    const report: VideoReport = { frames: 7, tracks: [], resumedFrames: 0, unchanged: false, notes: [] };
    await onResult?.(report);
    return report;
  },
}));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'restore-videos-'));
  restored.length = 0;
  for (const name of ['a.mp4', 'b.mp4']) await writeFile(path.join(root, name), name);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run(
  names: readonly string[],
  { output = 'out', seed = 0, again = false }: { output?: string; seed?: number; again?: boolean } = {},
) {
  const settings: Parameters<typeof restoreVideos>[0] = {
    inputs: names.map((name) => path.join(root, name)),
    outputFolder: path.join(root, output),
    again,
    checkpoint: 'weights',
    model: {},
    networks: {},
    sampling: { seed },
    image: { aligned: false, selection: {}, photo: {} },
  };
  const environment = {
    stderr: { write: () => true },
    signal: new AbortController().signal,
  } as unknown as RestoreEnvironment;
  const { report } = await restoreVideos(settings, environment);
  return report.videos.map(({ status, frames }) => [status, frames]);
}

it('restores no video of a folder twice with the same settings', async () => {
  expect(await run(['a.mp4'])).toEqual([['done', 7]]);
  expect(await run(['a.mp4', 'b.mp4'])).toEqual([
    ['kept', 7],
    ['done', 7],
  ]);
  expect(await run(['a.mp4', 'b.mp4'], { again: true })).toHaveLength(2);
  expect(await run(['a.mp4'], { seed: 1 })).toEqual([['done', 7]]);
  expect(restored).toEqual(['a.mp4', 'b.mp4', 'a.mp4', 'b.mp4', 'a.mp4']);
});

it('keeps what no run has written, and what somebody has written over a result', async () => {
  await mkdir(path.join(root, 'out'));
  await writeFile(path.join(root, 'out/b.mp4'), 'a wedding');
  await run(['a.mp4']);
  await writeFile(path.join(root, 'out/a.mp4'), 'another');
  for (const status of ['done', 'kept'])
    expect(await run(['a.mp4', 'b.mp4'])).toEqual([
      [status, 7],
      [status, 7],
    ]);
  expect(restored).toEqual(['a.mp4', 'a-2.mp4', 'b-2.mp4']);
  expect(await readFile(path.join(root, 'out/a.mp4'), 'utf8')).toBe('another');
  expect(await readFile(path.join(root, 'out/b.mp4'), 'utf8')).toBe('a wedding');
});

it('gives no result the name of another', async () => {
  for (const name of ['out/a.mp4', 'a-2.mp4']) {
    await mkdir(path.join(root, 'out'), { recursive: true });
    await writeFile(path.join(root, name), name);
  }
  await run(['a.mp4', 'a-2.mp4']);
  expect(restored).toEqual(['a-3.mp4', 'a-2.mp4']);
});

it('takes what a killed run left beside its parts for its own', async () => {
  await mkdir(path.join(root, 'out/a.mp4.parts'), { recursive: true });
  await writeFile(path.join(root, 'out/a.mp4'), 'a result that is not noted yet');
  await run(['a.mp4']);
  expect(restored).toEqual(['a.mp4']);
});

it('leaves nothing beside a file that the user named', async () => {
  for (let i = 0; i < 2; i++) expect(await run(['a.mp4'], { output: 'result.mp4' })).toEqual([['done', 7]]);
  expect((await readdir(root)).sort()).toEqual(['a.mp4', 'b.mp4', 'result.mp4']);
});

it('begins nothing that could not be written', async () => {
  await writeFile(path.join(root, 'file'), '');
  await expect(run(['a.mp4'], { output: 'file/out' })).rejects.toThrow(/^Cannot write to .*file.out: /);
  expect(restored).toEqual([]);
});
