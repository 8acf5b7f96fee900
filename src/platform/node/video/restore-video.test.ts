import { spawnSync } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drawFaces } from '../../../face/drawn-face.test-support.ts';
import type { FaceDetector } from '../../../face/face-detector.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import { microSpec } from '../../../verify/formula.ts';
import { formulaFolder, makeFormulaCheckpoint } from '../model/formula-checkpoint.ts';
import { loadFaceDetector } from '../model/load-face-detector.ts';
import { loadRestorer } from '../model/load-restorer.ts';
import { restoreVideo } from './restore-video.ts';
import { probeVideo } from './video-probe.ts';
import { readFrames } from './video-reader.ts';
import type { VideoProgress, VideoRequest } from './video-request.ts';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const frames = 28;
/** Every third frame at 30 frames a second. */
const allSearches = 10;

function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-y', '-loglevel', 'error', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

describe.skipIf(!hasFfmpeg)('restoreVideo', () => {
  let root: string;
  let clip: string;
  let restorer: Restorer;
  let detector: FaceDetector;
  let searches = 0;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'restore-video-'));
    clip = join(root, 'clip.mp4');
    // A face that moves to the right by three pixels a frame, and sound.
    const still = join(root, 'face.png');
    await sharp(drawFaces(480, 300, [{ x: 20, y: 20, size: 260 }])).toFile(still);
    ffmpeg(
      ...[
        '-loop',
        '1',
        '-framerate',
        '30',
        '-i',
        still,
        '-f',
        'lavfi',
        '-i',
        'sine',
        '-frames:v',
        `${frames}`,
      ],
      ...[
        '-vf',
        'crop=320:240:120-3*n:20',
        '-c:v',
        'libx264',
        '-crf',
        '14',
        '-c:a',
        'aac',
        '-shortest',
        clip,
      ],
    );
    const folder = await formulaFolder(microSpec);
    await makeFormulaCheckpoint(microSpec, folder);
    restorer = await loadRestorer(folder);
    const inner = await loadFaceDetector();
    detector = {
      name: inner.name,
      detect: (...args) => {
        searches++;
        return inner.detect(...args);
      },
      locate: (...args) => inner.locate(...args),
      release: () => inner.release(),
    };
  }, 240_000);
  afterAll(async () => {
    await restorer?.release();
    await detector?.release();
    await rm(root, { recursive: true, force: true });
  });
  beforeEach(() => {
    searches = 0;
  });

  function request(output: string, more: Partial<VideoRequest> = {}): VideoRequest {
    return {
      input: clip,
      output: join(root, output),
      format: 'mp4',
      keys: { search: 'a', restoration: 'a' },
      tools: { restorer: async () => restorer, detector: async () => detector },
      partMs: 0,
      ...more,
      options: { force: true, ...more.options },
    };
  }

  /** Runs until `stop` says so. */
  async function interrupted(output: string, stop: (progress: VideoProgress) => boolean): Promise<unknown> {
    const controller = new AbortController();
    const onProgress = (progress: VideoProgress): void => {
      if (stop(progress)) controller.abort(new Error('stopped'));
    };
    return restoreVideo(request(output, { onProgress, options: { signal: controller.signal } })).catch(
      (error: unknown) => error,
    );
  }

  it('restores the face in every frame, and goes on where it was stopped', { timeout: 400_000 }, async () => {
    const whole = await restoreVideo(request('whole.mp4'));
    expect(whole).toMatchObject({ frames, resumedFrames: 0, notes: [] });
    expect(whole.tracks).toMatchObject([{ track: 0, firstFrame: 0, frames, status: 'restored' }]);
    expect(searches).toBe(allSearches);

    searches = 0;
    expect(await interrupted('parts.mp4', ({ phase, frame }) => phase === 'find' && frame === 15)).toEqual(
      new Error('stopped'),
    );
    const folder = join(root, 'parts.mp4.parts');
    // As if the process had been killed while it wrote a line.
    await appendFile(join(folder, 'faces.jsonl'), '\n{"frame":15,"timeUs":');
    expect(await interrupted('parts.mp4', ({ phase, frame }) => phase === 'restore' && frame === 26)).toEqual(
      new Error('stopped'),
    );
    // No frame was searched twice, and no unfinished part is left.
    expect(searches).toBe(allSearches);
    expect((await readdir(folder)).filter((name) => name.startsWith('part-'))).toEqual([
      'part-00000.nut',
      'part-00001.nut',
    ]);
    const resumed = await restoreVideo(request('parts.mp4'));
    expect(resumed).toEqual({ ...whole, resumedFrames: 24 });
    expect(searches).toBe(allSearches);
    expect((await readdir(root)).toSorted()).toEqual(['clip.mp4', 'face.png', 'parts.mp4', 'whole.mp4']);

    // The same frames at the same times; outside the face they are those of the clip.
    const files = [clip, join(root, 'whole.mp4'), join(root, 'parts.mp4')];
    const readers = await Promise.all(
      files.map(async (file) => {
        const info = await probeVideo(file);
        return readFrames(file, info);
      }),
    );
    let count = 0;
    let inFace = 0;
    for (;;) {
      const [before, after, other] = (await Promise.all(readers.map((reader) => reader.next()))).map(
        ({ value }) => value,
      );
      if (!before || !after || !other) {
        expect([before, after, other]).toEqual([undefined, undefined, undefined]);
        break;
      }
      expect([after.timeUs, other.timeUs]).toEqual([before.timeUs, before.timeUs]);
      const row = (y: number) => [y * 320 * 3, (y + 1) * 320 * 3] as const;
      const difference = (
        a: typeof before,
        b: typeof before,
        [from, to]: readonly [number, number],
      ): number => {
        let sum = 0;
        for (let i = from; i < to; i++) sum += Math.abs(a.pixels.data[i]! - b.pixels.data[i]!);
        return sum / (to - from);
      };
      // The lowest rows show no face; encoding twice costs about half a level.
      expect(difference(before, after, [row(230)[0], row(239)[1]])).toBeLessThan(3);
      inFace += difference(before, after, [row(90)[0], row(150)[1]]);
      // Other parts, other key frames: the same picture but for the encoder.
      expect(difference(after, other, [0, 320 * 240 * 3])).toBeLessThan(3);
      count++;
    }
    expect(count).toBe(frames);
    // The formula's face is nothing like the drawn one.
    expect(inFace / count).toBeGreaterThan(10);
  });

  it('begins anew with other settings, and keeps what it knows of the faces', {
    timeout: 400_000,
  }, async () => {
    await interrupted('keys.mp4', ({ phase, frame }) => phase === 'restore' && frame === 13);
    const folder = join(root, 'keys.mp4.parts');
    expect(await readFile(join(folder, 'parts.jsonl'), 'utf8')).toContain('part-00000.nut');
    searches = 0;
    const keys = { search: 'a', restoration: 'b' };
    const report = await restoreVideo(request('keys.mp4', { keys }));
    expect([report.resumedFrames, searches]).toEqual([0, 0]);
    // Nothing is left of a run that ended well.
    await interrupted('keys.mp4', ({ phase, frame }) => phase === 'find' && frame === 4);
    expect(searches).toBe(2);
    await rm(folder, { recursive: true });
  });

  it('leaves a video without a face as it is, and says so', { timeout: 240_000 }, async () => {
    for (const [name, source] of [
      ['gradients.mp4', 'gradients=size=160x120:rate=5:duration=1'],
      ['bars.mp4', 'smptebars=size=176x144:rate=5:duration=1'],
    ] as const) {
      const empty = join(root, name);
      ffmpeg('-f', 'lavfi', '-i', source, empty);
      const report = await restoreVideo(request(`none-${name}`, { input: empty }));
      expect(report).toMatchObject({ frames: 5, tracks: [], unchanged: true });
      expect(report.notes).toEqual(['no face found']);
      expect(await readFile(join(root, `none-${name}`))).toEqual(await readFile(empty));
    }
  });

  it('says that a file was cut off', { timeout: 240_000 }, async () => {
    for (const share of [0.5, 0.8]) {
      const whole = join(root, 'whole-bars.mp4');
      const front = ['-movflags', '+faststart', '-g', '1'];
      ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=176x144:rate=5:duration=2', ...front, whole);
      const bytes = await readFile(whole);
      const cut = join(root, 'cut.mp4');
      await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length * share)));
      const { notes, frames } = await restoreVideo(request(`cut-${share}.mp4`, { input: cut }));
      expect(frames).toBeLessThan(10);
      expect(notes).toContain(
        `cut short or damaged: ${frames} of its 10 frames could be read, and are restored`,
      );
    }
  });
});
