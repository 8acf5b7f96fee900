import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinParts } from './join-video.ts';
import type { VideoFormat } from './video-format.ts';
import { probeVideo } from './video-probe.ts';
import { readFrames } from './video-reader.ts';
import { chooseEncoder, describeOddSize, openPart, type PartWriter } from './video-writer.ts';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kept-videos-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-y', '-loglevel', 'error', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Makes a clip of so many frames. */
function clip(name: string, frames: number, ...args: string[]): string {
  const file = join(root, name);
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=25', '-frames:v', String(frames)];
  ffmpeg(...source, ...args, file);
  return file;
}

interface Probed {
  /** of the frames, in seconds */
  readonly times: readonly string[];
  readonly streams: readonly {
    readonly codec_type: string;
    readonly width?: number;
    readonly height?: number;
    readonly tags?: Record<string, string>;
    readonly disposition: Record<string, number>;
  }[];
}

function probe(file: string): Probed {
  const args = ['-v', 'error', '-show_streams', '-select_streams', 'v', '-show_entries', 'frame=pts_time'];
  const { frames } = JSON.parse(
    spawnSync('ffprobe', [...args, '-of', 'json', file], { encoding: 'utf8' }).stdout,
  );
  const all = spawnSync('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', file], {
    encoding: 'utf8',
  });
  const times = (frames as { pts_time: string }[]).map(({ pts_time }) => pts_time);
  return { times, streams: JSON.parse(all.stdout).streams };
}

/** Through reader, parts of five frames, and the joint; the pictures as they are. */
async function throughParts(
  original: string,
  format: VideoFormat,
): Promise<{ file: string; notes: string[] }> {
  const info = await probeVideo(original);
  const encoder = await chooseEncoder(format);
  const folder = await mkdtemp(join(root, 'parts-'));
  const parts: { file: string; startUs: number }[] = [];
  let writer: PartWriter | undefined;
  let frames = 0;
  let endUs = 0;
  for await (const { index, timeUs, pixels } of readFrames(original, info)) {
    if (index % 5 === 0) {
      await writer?.finish();
      parts.push({ file: join(folder, `part-${parts.length}.nut`), startUs: timeUs });
      writer = await openPart(parts.at(-1)!.file, info, encoder);
    }
    await writer!.write(pixels, timeUs - parts.at(-1)!.startUs);
    frames = index + 1;
    endUs = timeUs + 40_000;
  }
  await writer?.finish();
  const file = join(folder, `result.${format}`);
  const notes = await joinParts(original, parts, { folder, frames, endUs, result: file, format, info });
  return { file, notes: [...info.notes, ...describeOddSize(info, encoder), ...notes] };
}

const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime'];

describe.skipIf(!hasFfmpeg)('frames in are frames out', () => {
  it.each([
    ['mp4', 1],
    ['mp4', 2],
    ['mp4', 6],
    ['mp4', 7],
    ['webm', 1],
    ['webm', 7],
    ['mov', 2],
    ['mkv', 6],
  ] as const)('%s of %i, whatever the last part holds', { timeout: 240_000 }, async (format, frames) => {
    const original = clip(`${frames}.${format}`, frames, ...(format === 'webm' ? vp9 : []));
    const { file, notes } = await throughParts(original, format);
    expect(notes).toEqual([]);
    expect(probe(file).times).toEqual(probe(original).times);
    expect(probe(file).times).toHaveLength(frames);
  });

  it.each(['mkv', 'webm'] as const)('at a varying rate, in %s', { timeout: 240_000 }, async (format) => {
    const varying = ['-vf', 'select=not(mod(n\\,7)*mod(n\\,3))', '-fps_mode', 'passthrough'];
    const original = clip(`varying.${format}`, 7, ...varying, ...(format === 'webm' ? vp9 : []));
    const { file } = await throughParts(original, format);
    expect(probe(file).times).toEqual(probe(original).times);
    expect(probe(file).times).toHaveLength(7);
  });
});

describe.skipIf(!hasFfmpeg)('odd sizes', () => {
  it.each([
    ['mp4', '35x27', ['-pix_fmt', 'yuv444p']],
    ['mp4', '36x27', ['-pix_fmt', 'yuv444p']],
    ['webm', '35x27', [...vp9, '-pix_fmt', 'yuv420p']],
  ] as const)('%s of %s keeps size and edge', { timeout: 240_000 }, async (format, size, args) => {
    const original = join(root, `odd-${size}.${format}`);
    // White to the edge: a line of black would show.
    const cut = `format=yuv444p,crop=${size.replace('x', ':')}:0:0:exact=1`;
    const white = ['-f', 'lavfi', '-i', 'color=white:size=64x64:rate=25', '-vf', cut];
    ffmpeg(...white, '-frames:v', '2', ...args, original);
    const { file, notes } = await throughParts(original, format);
    const [width, height] = size.split('x').map(Number);
    const info = await probeVideo(file);
    expect([info.width, info.height]).toEqual([width, height]);
    let darkest = 255;
    for await (const { pixels } of readFrames(file, info))
      for (const value of pixels.data) darkest = Math.min(darkest, value);
    expect(darkest).toBeGreaterThan(230);
    expect(notes).toEqual(format === 'webm' ? [] : [expect.stringContaining('an odd size is kept')]);
  });
});

describe.skipIf(!hasFfmpeg)('what else a video holds', () => {
  it('languages stay', { timeout: 240_000 }, async () => {
    for (const language of ['deu', 'fra']) {
      const original = clip(`${language}.mkv`, 2, '-metadata:s:v:0', `language=${language}`);
      for (const format of ['mkv', 'mp4'] as const) {
        const { file } = await throughParts(original, format);
        expect(probe(file).streams[0]!.tags!['language'], format).toBe(language);
      }
    }
  });

  it.each([
    ['01:02:03:04', 7],
    ['10:00:00:00', 6],
    ['01:00:00:00', 2],
  ] as const)(
    'the time code %s of %i frames stays, or is said to be left out',
    {
      timeout: 240_000,
    },
    async (timecode, frames) => {
      const original = clip(`code-${frames}.mov`, frames, '-timecode', timecode);
      const { file, notes } = await throughParts(original, 'mov');
      const [kept] = probe(file).streams.flatMap(({ tags }) => tags?.['timecode'] ?? []);
      expect(notes).toEqual(kept === undefined ? ['time code left out'] : []);
      // FFmpeg knows the rate of more than two.
      if (frames > 2) expect(kept).toBe(timecode);
    },
  );

  it('covers stay in MP4, and are said to be left out of WebM', { timeout: 240_000 }, async () => {
    const cover = join(root, 'cover.png');
    ffmpeg('-f', 'lavfi', '-i', 'color=red:size=20x20', '-frames:v', '1', cover);
    const plain = clip('plain.mp4', 2);
    const original = join(root, 'covered.mp4');
    const picture = ['-map', '0', '-map', '1', '-c', 'copy', '-disposition:v:1', 'attached_pic'];
    ffmpeg('-i', plain, '-i', cover, ...picture, original);
    const { file, notes } = await throughParts(original, 'mp4');
    expect(notes).toEqual([]);
    expect(probe(file).streams.map(({ disposition }) => disposition['attached_pic'])).toEqual([0, 1]);
    expect((await throughParts(original, 'webm')).notes).toEqual(['cover left out']);
  });

  it('attached files stay in Matroska, and are said to be left out of MP4', {
    timeout: 240_000,
  }, async () => {
    const font = join(root, 'font.ttf');
    await writeFile(font, 'not really a font');
    const original = clip('attached.mkv', 2, '-attach', font, '-metadata:s:t', 'mimetype=font/ttf');
    const { file, notes } = await throughParts(original, 'mkv');
    expect(notes).toEqual([]);
    expect(probe(file).streams.map((stream) => stream.codec_type)).toEqual(['video', 'attachment']);
    expect((await throughParts(original, 'mp4')).notes).toEqual(['attached files left out']);
  });

  it.each([
    ['alpha.webm', ['-pix_fmt', 'yuva420p', '-c:v', 'libvpx-vp9', '-deadline', 'realtime']],
    ['alpha8.webm', ['-pix_fmt', 'yuva420p', '-c:v', 'libvpx', '-auto-alt-ref', '0']],
    ['alpha.mov', ['-pix_fmt', 'argb', '-c:v', 'qtrle']],
  ])('the transparency of %s is said to be left out', { timeout: 240_000 }, async (name, args) => {
    const { notes } = await probeVideo(clip(name, 2, ...args));
    expect(notes).toEqual(['its transparency is left out']);
  });

  it.skipIf(process.platform !== 'linux')(
    'a full disk is named with the file',
    { timeout: 240_000 },
    async () => {
      const original = clip('full.mp4', 2);
      const info = await probeVideo(original);
      const file = join(root, 'full.nut');
      await symlink('/dev/full', `${file}.unfinished`);
      const writer = await openPart(file, info, await chooseEncoder('mp4'));
      const write = async (): Promise<void> => {
        for await (const { timeUs, pixels } of readFrames(original, info)) await writer.write(pixels, timeUs);
        await writer.finish();
      };
      await expect(write()).rejects.toThrow(`Cannot write ${file}: the disk is full`);
      await writer.discard();
    },
  );
});
