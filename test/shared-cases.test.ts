/** Inputs that once failed, one of each kind, through the whole command; the folder lies beside the project, if it does. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileReport } from '../src/cli/restore/restore-results.ts';
import { readPngChunks } from '../src/image/file/png-chunks.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const shared = fileURLToPath(new URL('../../shared/', import.meta.url));
const cases = join(shared, 'cases');
const model = join(shared, 'reference/tiny-4step/checkpoint');
const hasFfmpeg = spawnSync('ffprobe', ['-version']).status === 0;

const config = {
  stage: 'autoencoder',
  iterations: 1,
  train: ['vae'],
  networks: { vae: { block_out_channels: [8, 8], layers_per_block: 1, norm_num_groups: 4 } },
  data: { size: 16, canvas: 16, batch: 1, workers: 0 },
  optimizer: { learningRate: 1e-3 },
  losses: { l1: { weight: 1 } },
};

let root: string;
function interlcm(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, DEBUG: undefined, NO_COLOR: '1' },
    timeout: 240_000,
  });
  return { status, stdout, stderr };
}

interface Report {
  readonly files?: readonly FileReport[];
  readonly videos?: readonly { input: string; output: string; status: string; notes?: string[] }[];
}

function restore(out: string, names: readonly string[], ...flags: string[]) {
  const inputs = names.map((name) => join(cases, name));
  const given = ['restore', ...inputs, '-o', out, '--force', '--json', '--checkpoint', model, ...flags];
  const { status, stdout, stderr } = interlcm(...given);
  return { status, stderr, ...(JSON.parse(stdout) as Report) };
}

describe.skipIf(!existsSync(cases) || !existsSync(main))('shared cases', { timeout: 300_000 }, () => {
  let pictures: ReturnType<typeof restore>;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'cases-'));
    const names = [
      ...['alpha-soft.png', 'rgb-saved-selection.tif', 'dpi300.jpg', 'dpi300.png', 'no-density.png'],
      ...['cicp-p3.png', 'text-chunk.png', 'comment.jpg', 'motion-photo-xmp.jpg', 'no-eoi.jpg'],
      'float-srgb-icc.tif',
    ];
    pictures = restore('aligned', names, '--aligned');
  }, 300_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  const reportOf = (name: string): FileReport =>
    pictures.files!.find(({ input }) => input === join(cases, name))!;
  const resultOf = (name: string): string => join(root, 'aligned', name);
  const means = async (file: string): Promise<number[]> =>
    (await sharp(file).stats()).channels.map(({ mean }) => mean);
  const chunksOf = (name: string): Map<string, Uint8Array> =>
    new Map([...readPngChunks(readFileSync(resultOf(name)))].map(({ type, content }) => [type, content]));

  it('are restored, every picture', () => {
    expect(pictures.status, pictures.stderr).toBe(0);
    expect(pictures.files!.map(({ status }) => status)).toEqual(Array(11).fill('done'));
  });

  it('alpha-soft.png: half transparent colours are not mixed with white', async () => {
    for (const background of ['#000', '#fff']) {
      const flat = async (file: string) => means(await tempFlat(file, background));
      const [before, after] = [
        await flat(join(cases, 'alpha-soft.png')),
        await flat(resultOf('alpha-soft.png')),
      ];
      for (const [i, mean] of after.entries()) expect(mean).toBeCloseTo(before[i]!, -0.5);
    }
    async function tempFlat(file: string, background: string): Promise<string> {
      const flat = join(root, `flat${background.slice(1)}.png`);
      await sharp(file).flatten({ background }).toFile(flat);
      return flat;
    }
  });

  it('alpha-photo.png: a pixel far from the face stays as it is', async () => {
    expect(restore('photo', ['alpha-photo.png']).status).not.toBe(1);
    const pixel = async (file: string): Promise<number[]> => [
      ...(await sharp(file).extract({ left: 200, top: 20, width: 1, height: 1 }).raw().toBuffer()),
    ];
    const before = await pixel(join(cases, 'alpha-photo.png'));
    expect(before).toHaveLength(4);
    expect(await pixel(join(root, 'photo/alpha-photo.png'))).toEqual(before);
  });

  it('rgb-saved-selection.tif: a channel that is no transparency whitens nothing', async () => {
    const after = await means(resultOf('rgb-saved-selection.tif'));
    expect(after).toHaveLength(3);
    const before = await means(join(cases, 'rgb-saved-selection.tif'));
    for (const [i, mean] of after.entries()) expect(Math.abs(mean - before[i]!)).toBeLessThan(3);
    expect(reportOf('rgb-saved-selection.tif').dropped).toEqual(['1 channel that is no transparency']);
  });

  it('dpi300.jpg, dpi300.png: 300 dpi, and 600 where they are enlarged twice', async () => {
    const names = ['dpi300.jpg', 'dpi300.png'];
    restore('enlarged', names, '--upscale', '2', '--box', '8,8,48,48');
    for (const name of names) {
      expect((await sharp(resultOf(name)).metadata()).density, name).toBe(300);
      expect((await sharp(join(root, 'enlarged', name)).metadata()).density, name).toBe(600);
    }
  });

  it('no-density.png: none is invented', () => {
    expect(chunksOf('no-density.png').has('pHYs')).toBe(false);
  });

  it('cicp-p3.png: its coded colours are kept', () => {
    expect([...chunksOf('cicp-p3.png').get('cICP')!]).toEqual([12, 13, 0, 1]);
  });

  it('text-chunk.png, comment.jpg: what their owners wrote is kept', () => {
    expect(Buffer.from(chunksOf('text-chunk.png').get('tEXt')!).toString('latin1')).toBe(
      'Description\0Written by the owner',
    );
    expect(readFileSync(resultOf('comment.jpg')).includes('A comment by the owner')).toBe(true);
  });

  it('motion-photo-xmp.jpg: its video is said to be left out, and nothing still tells of it', () => {
    expect(reportOf('motion-photo-xmp.jpg').dropped).toEqual(
      expect.arrayContaining([expect.stringMatching(/motion photo/)]),
    );
    const bytes = readFileSync(resultOf('motion-photo-xmp.jpg'), 'latin1');
    expect(bytes).toContain('x:xmpmeta');
    expect(bytes).not.toMatch(/MotionPhoto|hdrgm/);
  });

  it('no-eoi.jpg: read, and said to end too early', () => {
    expect(reportOf('no-eoi.jpg').notes.join()).toContain('the file ends too early');
  });

  it('float-srgb-icc.tif: its floats have the curve of its profile', async () => {
    const channels = await means(resultOf('float-srgb-icc.tif'));
    const before = await means(join(cases, 'float-srgb-icc.tif'));
    for (const [i, mean] of channels.entries()) expect(Math.abs(mean - 255 * before[i]!)).toBeLessThan(3);
  });

  it('panorama-6000x100.jpg, upside-down.jpg: their faces are found', () => {
    const names = ['panorama-6000x100.jpg', 'upside-down.jpg'];
    const { status, stdout } = interlcm('faces', ...names.map((name) => join(cases, name)), '--json');
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as { faces: unknown[] }[]).map(({ faces }) => faces.length)).toEqual([2, 1]);
  });

  it('dataset-with-truncated/: the picture is named before anything is trained', async () => {
    await writeFile(join(root, 'config.json'), JSON.stringify(config));
    const data = join(cases, 'dataset-with-truncated');
    const { status, stderr } = interlcm('train', '--config', 'config.json', '--data', data, '--out', 'run');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /1 of \d pictures cannot be read: .*cut-last-rows\.jpg \(the JPEG file ends too early\)/,
    );
    expect(existsSync(join(root, 'run'))).toBe(false);
  });

  it('config-with-bom.json: the mark at its beginning is passed over', async () => {
    await cp(model, join(root, 'marked'), { recursive: true });
    await copyFile(join(cases, 'config-with-bom.json'), join(root, 'marked/lcm/unet/config.json'));
    // It is another network's config: read, it does not fit these weights.
    const { status, stderr, stdout } = interlcm('info', 'marked');
    expect(status).toBe(1);
    expect(stderr + stdout).not.toMatch(/JSON/);
    const marked = Buffer.concat([
      Buffer.of(0xef, 0xbb, 0xbf),
      readFileSync(join(model, 'lcm/unet/config.json')),
    ]);
    await writeFile(join(root, 'marked/lcm/unet/config.json'), marked);
    expect(interlcm('info', 'marked').status).toBe(0);
  });

  describe('hostile', () => {
    const hostile = (name: string): string => join(cases, 'hostile', name);
    it.each([
      ['ve_legacy_first.pth', /it names its storage "k0" as 1920 float32 elements and again as 4 float32/],
      ['leg_version_lol.pth', /its version is no number/],
      ['zip_odict_bomb_small.pth', /hold more than 1000000 items/],
    ])('%s is refused', (name, reason) => {
      const started = performance.now();
      const flags = ['--aligned', '--checkpoint', model, '--visual-encoder', hostile(name)];
      const { status, stderr } = interlcm('restore', join(cases, 'dpi300.png'), '-o', 'none', ...flags);
      expect(status).toBe(1);
      expect(stderr).toContain(name);
      expect(stderr).toMatch(reason);
      expect(performance.now() - started).toBeLessThan(60_000);
    });

    it('png_100Mx1.png is refused by its side', () => {
      const { status, stderr } = interlcm('restore', hostile('png_100Mx1.png'), '-o', 'none');
      expect(status).toBe(1);
      expect(stderr).toMatch(/png_100Mx1\.png: its longer side has more than 200000 pixels/);
    });
  });

  describe.skipIf(!hasFfmpeg)('videos', () => {
    const names = ['two-frames.mp4', 'odd-251x255.mp4', 'alpha.webm', 'cut-short.mp4'];
    let videos: ReturnType<typeof restore>;
    beforeAll(() => {
      videos = restore('videos', names);
    }, 300_000);
    const notesOf = (name: string): string =>
      (videos.videos!.find(({ input }) => input === join(cases, name))!.notes ?? []).join();
    const stream = (file: string): string =>
      execFileSync('ffprobe', [
        ...['-v', 'error', '-count_frames', '-select_streams', 'v'],
        ...['-show_entries', 'stream=width,height,nb_read_frames', '-of', 'csv=p=0', file],
      ])
        .toString()
        .trim();

    it('two-frames.mp4: two frames in, two out', () => {
      expect(videos.status, videos.stderr).not.toBe(1);
      expect(stream(join(root, 'videos/two-frames.mp4'))).toBe('128,128,2');
    });

    it('odd-251x255.mp4: its size, and no black line at the edge', async () => {
      const file = join(root, 'videos/odd-251x255.mp4');
      expect(stream(file)).toBe('251,255,2');
      const lastFrame = (source: string) =>
        sharp(
          execFileSync('ffmpeg', [
            '-v',
            'error',
            '-i',
            source,
            '-frames:v',
            '1',
            '-f',
            'image2pipe',
            '-c:v',
            'png',
            '-',
          ]),
        )
          .extract({ left: 250, top: 0, width: 1, height: 255 })
          .stats();
      const [before, after] = [await lastFrame(join(cases, 'odd-251x255.mp4')), await lastFrame(file)];
      for (const [i, { mean }] of after.channels.entries())
        expect(mean).toBeGreaterThan(0.8 * before.channels[i]!.mean);
    });

    it('alpha.webm: transparency is said to be left out', () => {
      expect(notesOf('alpha.webm')).toContain('its transparency is left out');
    });

    it('cut-short.mp4: said, with how many frames there were', () => {
      expect(notesOf('cut-short.mp4')).toMatch(/cut short or damaged: 3 of its 6 frames could be read/);
    });

    it('album/: the video in it is restored beside the picture', async () => {
      const album = restore('album', ['album']);
      expect(album.files!.map(({ input }) => input)).toEqual([join(cases, 'album/a.jpg')]);
      const clip = album.videos!.find(({ input }) => input === join(cases, 'album/b.mp4'));
      expect(clip).toMatchObject({ status: 'done', output: 'album/b.mp4' });
      const results = (await readdir(join(root, 'album'))).filter((name) => !name.startsWith('.'));
      expect(results.sort()).toEqual(['a.jpg', 'b.mp4']);
    });
  });
});
