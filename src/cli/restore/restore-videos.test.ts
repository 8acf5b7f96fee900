import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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

it('restores again what somebody has written over', async () => {
  await run(['a.mp4']);
  await writeFile(path.join(root, 'out/a.mp4'), 'another');
  expect(await run(['a.mp4'])).toEqual([['done', 7]]);
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
