import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drawFaces } from '../../face/drawn-face.test-support.ts';
import type { FaceDescriber } from '../../face/face-describer.ts';
import type { FaceDetector } from '../../face/face-detector.ts';
import { loadFaceDescriber } from '../../platform/node/model/load-face-describer.ts';
import { loadFaceDetector } from '../../platform/node/model/load-face-detector.ts';
import type { Restorer } from '../../restore/restorer.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { type RunEnvironment, runRestore } from './restore.ts';
import type { RestoreReport } from './restore-files.ts';

/** Detection is real; the model gives the negative, or a seed's tint. */
const imageSize = 64;
let detector: FaceDetector;
let describer: FaceDescriber;
let root: string;

beforeAll(async () => {
  detector = await loadFaceDetector();
  describer = await loadFaceDescriber(imageSize);
});
afterAll(async () => {
  await detector.release();
  await describer.release();
});
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'photos-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const lent = async (): Promise<void> => {};

async function run(
  inputs: string[],
  flags: Partial<Parameters<typeof runRestore>[1]> = {},
  signal?: AbortSignal,
) {
  const written = { stdout: '', stderr: '' };
  let loads = 0;
  const restorer: Restorer = {
    imageSize,
    device: 'cpu: in a test',
    restore: async (lq, { seed = 0 } = {}) => {
      const data = lq.data.map((value) => Math.min(1, -value + 0.1 * seed));
      return hostTensor(lq.shape, data);
    },
    release: lent,
  };
  const environment: RunEnvironment = {
    loadRestorer: async () => {
      loads++;
      return restorer;
    },
    loadDetector: async () => ({
      name: detector.name,
      detect: (...args) => detector.detect(...args),
      locate: (...args) => detector.locate(...args),
      release: lent,
    }),
    loadDescriber: async () => ({ describe: (face) => describer.describe(face), release: lent }),
    loadParser: () => Promise.reject(new Error('nothing to parse')),
    loadUpscaler: () => Promise.reject(new Error('nothing to enlarge')),
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    signal: signal ?? new AbortController().signal,
  };
  const paths = inputs.map((input) => join(root, input));
  const output = join(root, 'out');
  const code = await runRestore(
    paths,
    { output, checkpoint: 'weights', json: true, force: true, minSize: 50, ...flags },
    environment,
  );
  return { code, loads, report: JSON.parse(written.stdout) as RestoreReport, stderr: written.stderr };
}

const photoOf = (places: Parameters<typeof drawFaces>[2]) => sharp(drawFaces(420, 260, places)).removeAlpha();
const two = [
  { x: 10, y: 0, size: 250 },
  { x: 280, y: 60, size: 120 },
];

async function put(name: string, places: Parameters<typeof drawFaces>[2] = two): Promise<void> {
  await mkdir(join(root, name, '..'), { recursive: true });
  await writeFile(join(root, name), await photoOf(places).png().toBuffer());
}

async function pixelsOf(name: string) {
  const { data, info } = await sharp(join(root, name)).raw().toBuffer({ resolveWithObject: true });
  return {
    ...info,
    at: (x: number, y: number) => [...data.subarray(3 * (y * info.width + x)).subarray(0, 3)],
  };
}

async function changedAt(name: string, points: readonly (readonly [number, number])[]): Promise<boolean[]> {
  const [before, after] = [await pixelsOf(name), await pixelsOf(`out/${name}`)];
  return points.map(([x, y]) => before.at(x, y).join() !== after.at(x, y).join());
}

/** The middle of each face, and a place far from both. */
const middles = [
  [135, 130],
  [340, 122],
] as const;
const corner = [415, 5] as const;

describe('photos', () => {
  it('get their faces restored in their place', async () => {
    await put('two.png');
    const { code, report, stderr } = await run(['two.png']);
    expect(code).toBe(0);
    expect(await changedAt('two.png', [...middles, corner])).toEqual([true, true, false]);
    const [file] = report.files;
    expect(file).toMatchObject({ status: 'done', output: join(root, 'out/two.png') });
    expect(file!.faces).toHaveLength(2);
    expect(file!.faces![0]).toMatchObject({ index: 0, status: 'restored' });
    expect(file!.faces![0]!.identityDistance).toBeGreaterThan(0.2);
    expect(stderr).toMatch(
      /2 faces: 2 restored\n {2}face 0 \(\d+ x \d+ at \d+,\d+\): identity distance 0\.\d\d/,
    );
  });

  it('get only the faces that are asked for', async () => {
    await put('two.png');
    await run(['two.png'], { face: [[1]] });
    expect(await changedAt('two.png', middles)).toEqual([false, true]);
    await run(['two.png'], { minSize: 100 });
    expect(await changedAt('two.png', middles)).toEqual([true, false]);
    await run(['two.png'], { box: [[300, 80, 80, 80]] });
    expect(await changedAt('two.png', middles)).toEqual([false, true]);
    const { code, stderr } = await run(['two.png'], { face: [[0, 5]] });
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot take face 5: the faces found are 0 to 1');
  });

  it('without a face are copied to the byte, without a model, and end with 3', async () => {
    await writeFile(join(root, 'none.jpg'), await photoOf([]).jpeg({ quality: 60 }).toBuffer());
    const { code, report, loads } = await run(['none.jpg']);
    expect(code).toBe(3);
    expect(loads).toBe(0);
    expect(report.files[0]).toMatchObject({
      status: 'unchanged',
      faces: [],
      notes: [expect.stringContaining('no face found: try')],
    });
    expect(await readFile(join(root, 'out/none.jpg'))).toEqual(await readFile(join(root, 'none.jpg')));
  });

  it('may be of any size, however small or narrow', async () => {
    const sizes = [
      [1, 1],
      [2, 700],
      [700, 3],
    ] as const;
    const names = sizes.map(([width, height]) => `${width}x${height}.png`);
    for (const [i, [width, height]] of sizes.entries())
      await photoOf(two).resize(width, height, { fit: 'fill' }).png().toFile(join(root, names[i]!));
    const { code, report } = await run(names, { minSize: undefined, upscale: '2' });
    expect(code).toBe(3);
    expect(report.files.map(({ status, faces }) => [status, faces])).toEqual(names.map(() => ['done', []]));
    for (const [i, [width, height]] of sizes.entries())
      expect(await pixelsOf(`out/${names[i]}`)).toMatchObject({ width: 2 * width, height: 2 * height });
  });

  it('keep their format, EXIF and profile; 16 bits too', async () => {
    const photo = await photoOf(two).png().toBuffer();
    const jpeg = sharp(photo)
      .withExif({ IFD0: { Copyright: 'nobody' } })
      .withIccProfile('p3');
    await writeFile(join(root, 'a.jpg'), await jpeg.jpeg({ quality: 95 }).toBuffer());
    await writeFile(join(root, 'b.png'), await sharp(photo).toColourspace('rgb16').png().toBuffer());
    await run(['a.jpg', 'b.png']);
    const metadata = await sharp(join(root, 'out/a.jpg')).metadata();
    expect(metadata).toMatchObject({ format: 'jpeg', width: 420, height: 260 });
    expect(metadata.exif?.includes('nobody')).toBe(true);
    expect(metadata.icc).toEqual((await sharp(join(root, 'a.jpg')).metadata()).icc);
    expect(await sharp(join(root, 'out/b.png')).metadata()).toMatchObject({ format: 'png', depth: 'ushort' });
  });

  it('stay gray, and keep what is transparent', async () => {
    await writeFile(
      join(root, 'gray.png'),
      await photoOf(two).grayscale().toColourspace('srgb').png().toBuffer(),
    );
    const hole = Buffer.from('<svg width="420" height="260"><rect x="400" width="20" height="20"/></svg>');
    const photo = await photoOf(two).png().toBuffer();
    const cut = sharp(photo)
      .ensureAlpha()
      .composite([{ input: hole, blend: 'dest-out' }]);
    await writeFile(join(root, 'cut.png'), await cut.png().toBuffer());
    await run(['gray.png', 'cut.png']);
    const { data } = await sharp(join(root, 'out/gray.png')).raw().toBuffer({ resolveWithObject: true });
    for (let i = 0; i < data.length; i += 3) {
      if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) throw new Error(`colour at ${i}`);
    }
    const alpha = await sharp(join(root, 'out/cut.png')).extractChannel(3).raw().toBuffer();
    expect([alpha[410], alpha[0]]).toEqual([0, 255]);
  });

  it('become larger', async () => {
    await put('two.png');
    const { report } = await run(['two.png'], { upscale: '2', comparison: true });
    expect(await pixelsOf('out/two.png')).toMatchObject({ width: 840, height: 520 });
    expect(report.files[0]!.comparison).toBe(join(root, 'out/two-comparison.png'));
    expect(await pixelsOf('out/two-comparison.png')).toMatchObject({ width: 1680, height: 520 });
  });

  it('come in several samples', async () => {
    await put('two.png');
    const { report } = await run(['two.png'], { samples: 3, seed: 4 });
    expect(report.files[0]!.samples).toEqual([
      join(root, 'out/two-seed5.png'),
      join(root, 'out/two-seed6.png'),
    ]);
    const reds = await Promise.all(
      ['two', 'two-seed5', 'two-seed6'].map(
        async (name) => (await pixelsOf(`out/${name}.png`)).at(135, 130)[0]!,
      ),
    );
    expect(new Set(reds).size).toBe(3);
  });

  it('that are one aligned face already are restored as a whole', async () => {
    // The drawing's eyes are 72 of its 400 pixels apart; in an aligned face, 126 of 512.
    const face = sharp(drawFaces(100, 100, [{ x: -18, y: -16.5, size: 136 }])).removeAlpha();
    await writeFile(join(root, 'face.png'), await face.resize(64).png().toBuffer());
    // The face is smaller than these tests look for.
    const minSize = undefined;
    const { report } = await run(['face.png'], { minSize });
    expect(report.files[0]).toMatchObject({
      faces: null,
      notes: ['taken for an aligned face: all of the picture is restored'],
    });
    expect((await changedAt('face.png', [[2, 2]]))[0]).toBe(true);
    // What is to become larger, or is chosen, is a photo.
    for (const flags of [{ upscale: '2' }, { face: [[0]] }] as const) {
      const { report: asPhoto } = await run(['face.png'], { minSize, ...flags });
      expect(asPhoto.files[0]!.faces).toHaveLength(1);
    }
  });
});

describe('batches', () => {
  it('do nothing twice, do what changed again, and what failed', async () => {
    await put('in/a.png');
    await put('in/b.png', [two[0]!]);
    await writeFile(join(root, 'in/c.png'), 'text');
    const first = await run(['in']);
    expect(first.code).toBe(1);
    expect(first.report.files.map(({ status }) => status)).toEqual(['done', 'done', 'failed']);

    await rm(join(root, 'out/a.png'));
    await copyFile(join(root, 'in/a.png'), join(root, 'in/c.png'));
    const second = await run(['in']);
    expect(second.code).toBe(0);
    expect(second.report.files.map(({ status }) => status)).toEqual(['done', 'kept', 'done']);
    expect(second.report.files[1]).toMatchObject({ output: join(root, 'out/b.png'), error: null });
    expect(second.report.files[1]!.faces).toHaveLength(1);
    expect(second.stderr).toContain('2 of 3 restored');

    const third = await run(['in']);
    expect(third.report.files.map(({ status }) => status)).toEqual(['kept', 'kept', 'kept']);
    expect(third.loads).toBe(0);
    const other = await run(['in'], { strength: 0.5 });
    expect(other.report.files.map(({ status }) => status)).toEqual(['done', 'done', 'done']);
    const again = await run(['in'], { strength: 0.5, again: true });
    expect(again.report.files.map(({ status }) => status)).toEqual(['done', 'done', 'done']);
    expect((await readdir(join(root, 'out'))).toSorted()).toEqual([
      '.interlcm.jsonl',
      'a.png',
      'b.png',
      'c.png',
    ]);
  });

  it('restore again what somebody else has written over', async () => {
    await put('a.png', [two[0]!]);
    await run(['a.png']);
    await copyFile(join(root, 'a.png'), join(root, 'out/a.png'));
    expect((await run(['a.png'])).report.files[0]!.status).toBe('done');
  });
});

describe('usage', () => {
  it('refuses what cannot be meant', async () => {
    await put('a.png');
    await expect(run(['a.png'], { aligned: true, face: [[0]] })).rejects.toThrow(UsageError);
    await expect(run(['a.png'], { aligned: true, upscale: '2' })).rejects.toThrow('leave out --upscale');
    await expect(run(['a.png'], { box: [[0, 0, 0, 5]] })).rejects.toThrow('--box 0,0,0,5 is empty');
    const { report } = await run(['a.png'], { box: [[900, 0, 50, 50]] });
    expect(report.files[0]!.error).toContain('it lies outside the photo of 420 x 260');
  });
});
