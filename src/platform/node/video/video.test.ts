import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinParts } from './join-video.ts';
import type { VideoFormat } from './video-format.ts';
import { probeVideo } from './video-probe.ts';
import { readFrames } from './video-reader.ts';
import { chooseEncoder, openPart } from './video-writer.ts';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'video-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-y', '-loglevel', 'error', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Times of the frames of a file in ticks, by ffprobe. */
function frameTicks(file: string): { ticks: number[]; base: string } {
  const { stdout } = spawnSync(
    'ffprobe',
    [
      ...['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'frame=pts:stream=time_base'],
      ...['-of', 'json', file],
    ],
    { encoding: 'utf8' },
  );
  const { frames, streams } = JSON.parse(stdout) as {
    frames: { pts: number }[];
    streams: { time_base: string }[];
  };
  return { ticks: frames.map(({ pts }) => pts), base: streams[0]!.time_base };
}

/** Hashes of the packets of sound. */
function soundOf(file: string): string {
  const args = ['-v', 'error', '-i', file, '-map', '0:a', '-c', 'copy', '-f', 'streamhash', '-'];
  return spawnSync('ffmpeg', args, { encoding: 'utf8' }).stdout;
}

const sources = {
  'a constant rate with sound': ['clip.mp4', '-r', '30000/1001'],
  'a varying rate': ['varying.mp4', '-vf', 'select=not(mod(n\\,7)*mod(n\\,3))', '-fps_mode', 'passthrough'],
  'a later beginning': ['late.mkv', '-vf', 'setpts=PTS+0.5/TB', '-r', '25'],
} as const;

describe.skipIf(!hasFfmpeg)('videos', () => {
  it.each(Object.entries(sources))('of %s keep their times, frames and sound', async (_, [name, ...args]) => {
    const original = join(root, name);
    ffmpeg(
      ...['-f', 'lavfi', '-i', 'testsrc2=size=130x98:rate=30000/1001:duration=2'],
      ...['-f', 'lavfi', '-i', 'sine=duration=2', ...args, '-c:v', 'libx264', '-c:a', 'aac', original],
    );
    const info = await probeVideo(original);
    expect(info).toMatchObject({ width: 130, height: 98, audioStreams: 1 });
    const format = name.slice(-3) as VideoFormat;
    const encoder = await chooseEncoder(format);
    // Parts of 13 frames, as if the work had been stopped again and again.
    const parts: { file: string; startUs: number }[] = [];
    let frames = 0;
    let endUs = 0;
    let ended = false;
    let error = 0;
    while (!ended) {
      ended = true;
      let writer: Awaited<ReturnType<typeof openPart>> | undefined;
      for await (const { index, timeUs, pixels } of readFrames(original, info, { firstFrame: frames })) {
        if (index - (parts.length - 1) * 13 >= 13 || !writer) {
          if (writer) {
            ended = false;
            break;
          }
          const file = join(root, `${name}-${parts.length}.mp4`);
          parts.push({ file, startUs: timeUs });
          writer = await openPart(file, info, encoder);
        }
        await writer.write(pixels, timeUs - parts.at(-1)!.startUs);
        frames = index + 1;
        endUs = timeUs + 33_367;
      }
      await writer?.finish();
    }
    const result = join(root, `joined-${name}`);
    expect(await joinParts(original, parts, { folder: root, frames, endUs, result, format, info })).toEqual(
      [],
    );

    const before = frameTicks(original);
    const after = frameTicks(result);
    expect(after.base).toBe(before.base);
    expect(after.ticks).toEqual(before.ticks);
    expect(parts.length).toBe(Math.ceil(before.ticks.length / 13));
    expect(soundOf(result)).toBe(soundOf(original));

    // The pictures are the same but for one more lossy encoding.
    const originals = readFrames(original, info);
    for await (const { index, timeUs, pixels } of readFrames(result, info)) {
      const { value } = await originals.next();
      expect([index, timeUs]).toEqual([value!.index, value!.timeUs]);
      let sum = 0;
      for (let i = 0; i < pixels.data.length; i++) sum += Math.abs(pixels.data[i]! - value!.pixels.data[i]!);
      error = Math.max(error, sum / pixels.data.length);
    }
    // Sharp edges of saturated colours lose most by 4:2:0; a frame that is off by one differs by more than 8.
    expect(error).toBeLessThan(4);
    expect((await readdir(root)).filter((file) => file.endsWith('.unfinished'))).toEqual([]);
  });

  it('are shown upright', async () => {
    const flat = join(root, 'flat.mp4');
    const turned = join(root, 'turned.mp4');
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=128x64:rate=25:duration=0.2', flat);
    ffmpeg('-i', flat, '-c', 'copy', '-metadata:s:v:0', 'rotate=90', turned);
    const info = await probeVideo(turned);
    expect([info.width, info.height]).toEqual([64, 128]);
    for await (const { pixels } of readFrames(turned, info))
      expect(pixels).toMatchObject({ width: 64, height: 128 });
  });

  it('report what is not a video', async () => {
    const text = join(root, 'text.mp4');
    await writeFile(text, 'not a video');
    await expect(probeVideo(text)).rejects.toThrow(`Cannot read ${text} as a video: `);
    const sound = join(root, 'sound.m4a');
    ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', sound);
    await expect(probeVideo(sound)).rejects.toThrow('it has no moving pictures');
    // A list of other places is not followed.
    const list = join(root, 'list.m3u8');
    await writeFile(list, '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n');
    await expect(probeVideo(list)).rejects.toThrow('Cannot read');
  });

  it('stop when they are told to', async () => {
    const long = join(root, 'long.mp4');
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=640x480:rate=25:duration=20', '-preset', 'ultrafast', long);
    const info = await probeVideo(long);
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async () => {
      for await (const { index } of readFrames(long, info, { signal: controller.signal }))
        if (index === 3) controller.abort(reason);
    };
    await expect(read()).rejects.toBe(reason);
  });

  it('say that FFmpeg is missing', async () => {
    process.env['FFPROBE_PATH'] = '/nowhere/ffprobe';
    try {
      await expect(probeVideo('x.mp4')).rejects.toThrow(/\/nowhere\/ffprobe was not found. Install FFmpeg/);
    } finally {
      delete process.env['FFPROBE_PATH'];
    }
  });
});
