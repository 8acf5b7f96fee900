import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RestoreOptions, Restorer } from '../../restore/restorer.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { InterruptedError, UsageError } from '../terminal/usage-error.ts';
import { type RunEnvironment, runRestore } from './restore.ts';
import type { RestoreReport } from './restore-files.ts';
import type { FileReport } from './restore-results.ts';

const size = 16;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'restore-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A model that gives the negative, and remembers how it was called. */
function negatives({
  before = async () => {},
  fidelity,
}: {
  before?: (options: RestoreOptions) => Promise<void>;
  fidelity?: number;
} = {}) {
  const calls: RestoreOptions[] = [];
  const release = vi.fn(async () => {});
  const restorer: Restorer = {
    imageSize: size,
    device: 'cpu: in a test',
    fidelity,
    async restore(lq, options = {}) {
      calls.push(options);
      options.onProgress?.({ stage: 'step', label: 'step 1 of 1', fraction: 0.5 });
      await before(options);
      return hostTensor(
        lq.shape,
        lq.data.map((value) => -value),
      );
    },
    release,
  };
  return { calls, release, loadRestorer: vi.fn(async () => restorer) };
}

type Flags = Parameters<typeof runRestore>[1];

async function run(
  inputs: string[],
  {
    model = negatives(),
    signal = new AbortController().signal,
    loadDetector = async () => {
      throw new Error('nothing to detect');
    },
    ...flags
  }: Partial<Flags> & {
    model?: Pick<RunEnvironment, 'loadRestorer'>;
    signal?: AbortSignal;
    loadDetector?: RunEnvironment['loadDetector'];
  } = {},
) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const outcome = await runRestore(
    inputs.map((input) => join(root, input)),
    { output: join(root, 'out'), checkpoint: 'weights', json: true, aligned: true, format: 'png', ...flags },
    {
      loadRestorer: model.loadRestorer,
      loadDetector,
      loadDescriber: async () => {
        throw new Error('nothing to describe');
      },
      loadParser: async () => {
        throw new Error('nothing to parse');
      },
      loadUpscaler: async () => {
        throw new Error('nothing to enlarge');
      },
      stdout: { write: (text) => stdout.push(text) },
      stderr: { write: (text) => stderr.push(text) },
      signal,
    },
  ).then(
    (code) => ({ code, error: undefined }),
    (error: unknown) => ({ code: undefined, error }),
  );
  const report = (stdout.length > 0 ? JSON.parse(stdout.join('')) : undefined) as RestoreReport | undefined;
  return { ...outcome, report, stdout, stderr: stderr.join('').replaceAll(`${root}/`, '') };
}

function summary(files: readonly FileReport[] | undefined): [string, string][] | undefined {
  return files?.map(({ input, status }) => [input.replace(`${root}/`, ''), status]);
}

async function put(
  path: string,
  width = size,
  height = size,
  color = { r: 200, g: 100, b: 50 },
): Promise<void> {
  const image = sharp({ create: { width, height, channels: 3, background: color } });
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), await image.png().toBuffer());
}

async function visibleIn(folder: string): Promise<string[]> {
  return (await readdir(join(root, folder))).filter((name) => !name.startsWith('.'));
}

function pixelsOf(path: string) {
  return sharp(join(root, path), { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
}

describe('runRestore', () => {
  it('writes what the model makes of each picture, and a report of it', async () => {
    await put('face.png');
    await put('small.png', 5, 5);
    const model = negatives();
    const { code, report, stderr } = await run(['face.png', 'small.png'], { model });
    expect(code).toBe(0);
    expect(report).toEqual({
      device: 'cpu: in a test',
      error: null,
      files: ['face.png', 'small.png'].map((name) => ({
        input: join(root, name),
        status: 'done',
        output: join(root, 'out', name),
        comparison: null,
        samples: [],
        faces: null,
        error: null,
        ms: expect.any(Number),
        dropped: [],
        notes: [],
      })),
    });
    for (const name of ['out/face.png', 'out/small.png']) {
      const { data, info } = await pixelsOf(name);
      expect(info).toMatchObject({ width: size, height: size, channels: 3 });
      expect([...data.subarray(0, 3)]).toEqual([55, 155, 205]);
    }
    expect(await visibleIn('out')).toEqual(['face.png', 'small.png']);
    expect(model.loadRestorer).toHaveBeenCalledTimes(1);
    expect(model.release).toHaveBeenCalledTimes(1);
    expect(stderr).toContain('[2/2] small.png → out/small.png');
    expect(stderr).toContain('2 of 2 restored in');
  });

  it('hands a fidelity on to models that have it, and refuses it to others', async () => {
    await put('face.png');
    const model = negatives();
    const { error } = await run(['face.png'], { model, fidelity: 0.5 });
    expect(error).toMatchObject({ message: '--fidelity 0.5: the model in weights does not have it' });
    expect(model.calls).toEqual([]);
    const seeing = negatives({ fidelity: 1 });
    await run(['face.png'], { model: seeing, fidelity: 0.5 });
    expect(seeing.calls[0]).toMatchObject({ fidelity: 0.5 });
  });

  it('hands the settings on', async () => {
    await put('face.png');
    const model = negatives();
    await run(['face.png'], {
      model,
      steps: 2,
      startStep: 1,
      seed: 7,
      colorFix: 'adain',
      device: 'cpu',
      threads: 3,
      memory: 'low',
      visualEncoder: 've.pth',
      spatialEncoder: 'se.pth',
    });
    expect(model.calls[0]).toMatchObject({ steps: 2, startStep: 1, seed: 7, colorFix: 'adain' });
    expect(model.loadRestorer).toHaveBeenCalledWith(
      'weights',
      expect.objectContaining({
        device: 'cpu',
        threads: 3,
        memory: 'low',
        visualEncoder: 've.pth',
        spatialEncoder: 'se.pth',
      }),
    );
  });

  it('does the others when some are bad, and ends with 1', async () => {
    await put('faces/a.png');
    await put('faces/strip.png', 50, 10);
    await put('faces/z.png');
    await writeFile(join(root, 'faces/broken.jpg'), Uint8Array.from([0xff, 0xd8, 0xff, 0xe0]));
    await writeFile(join(root, 'faces/text.png'), 'text');
    const { code, report, stderr } = await run(['missing.png', 'faces']);
    expect(code).toBe(1);
    expect(summary(report?.files)).toEqual([
      ['missing.png', 'failed'],
      ['faces/a.png', 'done'],
      ['faces/broken.jpg', 'failed'],
      ['faces/strip.png', 'failed'],
      ['faces/text.png', 'failed'],
      ['faces/z.png', 'done'],
    ]);
    expect(report?.files[4]).toMatchObject({
      output: null,
      error: `Cannot read ${root}/faces/text.png: it is not a picture`,
    });
    expect(await visibleIn('out')).toEqual(['a.png', 'z.png']);
    const end = stderr.slice(stderr.indexOf('2 of 6 restored'));
    expect(end).toContain('Cannot read missing.png: there is no such file or folder\n');
    expect(end).toContain('Cannot restore faces/strip.png: Cannot fit 50 x 10 pixels into a square');
  });

  it('names the file when restoring it fails, and goes on', async () => {
    await put('a.png');
    await put('b.png');
    let calls = 0;
    const model = negatives({
      before: async () => {
        calls++;
        if (calls === 1) throw new Error('out of memory');
      },
    });
    const { code, report, stderr } = await run(['a.png', 'b.png'], { model });
    expect(code).toBe(1);
    expect(summary(report?.files)).toEqual([
      ['a.png', 'failed'],
      ['b.png', 'done'],
    ]);
    expect(stderr).toContain('Cannot restore a.png: there is not enough memory (out of memory): close other');
  });

  it('begins nothing that could not be written', async () => {
    await put('a.png');
    await put('wide.png', 9000, 4);
    await writeFile(join(root, 'file'), '');
    const model = negatives();
    const inFile = await run(['a.png'], { model, output: join(root, 'file/out') });
    expect(inFile.error).toEqual(
      new Error(`Cannot write to ${root}/file/out: part of its path is a file, not a folder`),
    );
    const tooWide = await run(['wide.png'], { model, aligned: false, format: 'webp', upscale: '2' });
    expect(tooWide.code).toBe(1);
    expect(tooWide.report?.files[0]?.error).toBe(
      `Cannot restore ${root}/wide.png: the result would have 18000 x 8 pixels, and WEBP holds sides of 16383 at most; take --format png, or a smaller --upscale`,
    );
    expect(model.loadRestorer).not.toHaveBeenCalled();
  });

  it.each([
    [['a.mp4'], 'out.avi', 'out.avi: videos are written as .mp4, .m4v, .mov, .mkv, .webm'],
    [['a.mp4', 'b.mp4'], 'out.mp4', 'out.mp4 is one video for 2; give a folder'],
    [['a.png'], 'out.mp4', 'out.mp4 looks like a video; pictures go into a folder'],
  ])('does not write %j to %s', async (inputs, output, message) => {
    const flags = { output, aligned: false, format: undefined };
    const { error } = await run(inputs, flags);
    expect(error).toEqual(new UsageError(`--output ${message}`));
  });

  it('leaves no metadata in a video unasked', async () => {
    const flags = { aligned: false, format: undefined, metadata: 'strip' } as const;
    const { error } = await run(['a.mp4'], flags);
    expect(error).toEqual(new UsageError('--metadata strip is for pictures, not for videos'));
  });

  it('loads no model when nothing can be read', async () => {
    await writeFile(join(root, 'text.png'), 'text');
    const model = negatives();
    const { code, report } = await run(['text.png'], { model });
    expect(code).toBe(1);
    expect(report?.device).toBeNull();
    expect(model.loadRestorer).not.toHaveBeenCalled();
  });

  it('stops when the model cannot be loaded', async () => {
    await put('a.png');
    await put('b.png');
    await writeFile(join(root, 'text.png'), 'text');
    const failure = new Error('Cannot open weights: no unet');
    const model = { loadRestorer: vi.fn().mockRejectedValue(failure) };
    const { error, report } = await run(['text.png', 'a.png', 'b.png'], { model });
    expect(error).toBe(failure);
    expect(report).toMatchObject({ device: null, error: 'Cannot open weights: no unet' });
    expect(summary(report?.files)).toEqual([
      ['text.png', 'failed'],
      ['a.png', 'skipped'],
      ['b.png', 'skipped'],
    ]);
    expect(model.loadRestorer).toHaveBeenCalledTimes(1);
  });

  it('ends at once when interrupted, whether or not the model listens, and leaves no file behind', async () => {
    for (const name of ['a.png', 'b.png', 'c.png']) await put(name);
    const interruption = new AbortController();
    const model = negatives({
      before: async () => {
        if (model.calls.length < 2) return;
        await vi.waitFor(() => access(join(root, 'out/a.png')), { timeout: 10_000 });
        interruption.abort(new InterruptedError());
        await new Promise(() => {});
      },
    });
    const { error, report } = await run(['a.png', 'b.png', 'c.png'], { model, signal: interruption.signal });
    expect(error).toBeInstanceOf(InterruptedError);
    expect(report?.error).toBe('interrupted');
    expect(summary(report?.files)).toEqual([
      ['a.png', 'done'],
      ['b.png', 'skipped'],
      ['c.png', 'skipped'],
    ]);
    expect(await visibleIn('out')).toEqual(['a.png']);
    expect(model.release).not.toHaveBeenCalled();
  });

  it('can be interrupted while the model loads', async () => {
    await put('a.png');
    const interruption = new AbortController();
    const model = {
      loadRestorer: () => {
        interruption.abort(new InterruptedError());
        return new Promise<Restorer>(() => {});
      },
    };
    const { error, report } = await run(['a.png'], { model, signal: interruption.signal });
    expect(error).toBeInstanceOf(InterruptedError);
    expect(summary(report?.files)).toEqual([['a.png', 'skipped']]);
  });

  it('writes nothing but the report to standard output, and that only when asked', async () => {
    await put('a.png');
    expect((await run(['a.png'], { json: true })).stdout).toHaveLength(1);
    expect((await run(['a.png'], { json: false })).stdout).toEqual([]);
  });
});

describe('pictures of all kinds', () => {
  it('keep their shape', async () => {
    await put('tall.png', 30, 40);
    const { report } = await run(['tall.png'], { comparison: true });
    expect((await pixelsOf('out/tall.png')).info).toMatchObject({ width: 12, height: 16 });
    expect((await pixelsOf('out/tall-comparison.png')).info).toMatchObject({ width: 24, height: 16 });
    expect(report?.files[0]?.notes).toEqual([
      'not square (30 x 40): its edges were repeated for the model and cut off again',
    ]);
  });

  it('are compared side by side, input first', async () => {
    await put('a.png');
    const { report } = await run(['a.png'], { comparison: true });
    const { data, info } = await pixelsOf('out/a-comparison.png');
    expect(report?.files[0]?.comparison).toBe(join(root, 'out/a-comparison.png'));
    expect(info).toMatchObject({ width: 2 * size, height: size });
    for (let y = 0; y < size; y++) {
      const row = data.subarray(y * 6 * size, (y + 1) * 6 * size);
      expect([...row.subarray(0, 3)]).toEqual([200, 100, 50]);
      expect([...row.subarray(3 * size - 3, 3 * size + 3)]).toEqual([200, 100, 50, 55, 155, 205]);
    }
  });

  it('keep their colour profile and numbers in every format', async () => {
    const image = sharp({ create: { width: size, height: size, channels: 3, background: '#c86432' } });
    await writeFile(join(root, 'p3.png'), await image.withIccProfile('p3').png().toBuffer());
    const source = await sharp(join(root, 'p3.png')).metadata();
    const [r = 0, g = 0, b = 0] = (await pixelsOf('p3.png')).data;
    for (const [format, extension] of [
      ['png', 'png'],
      ['jpeg', 'jpg'],
      ['webp', 'webp'],
      ['avif', 'avif'],
      ['tiff', 'tif'],
    ] as const) {
      await run(['p3.png'], { format, comparison: true });
      for (const name of [`out/p3.${extension}`, `out/p3-comparison.${extension}`])
        expect((await sharp(join(root, name)).metadata()).icc, name).toEqual(source.icc);
      const { data } = await pixelsOf(`out/p3.${extension}`);
      const expected = [255 - r, 255 - g, 255 - b];
      for (const [c, value] of expected.entries()) expect(Math.abs(data[c]! - value)).toBeLessThanOrEqual(3);
    }
  });

  it('keep their transparency where the format has it', async () => {
    const rgba = Uint8Array.from({ length: size * size * 4 }, (_, i) =>
      i % 4 < 3 ? 100 : i < 512 ? 0 : 255,
    );
    const image = sharp(rgba, { raw: { width: size, height: size, channels: 4 } });
    await writeFile(join(root, 'cut.png'), await image.png().toBuffer());
    const png = await run(['cut.png']);
    const { data, info } = await pixelsOf('out/cut.png');
    expect(info.channels).toBe(4);
    expect([data[3], data.at(-1)]).toEqual([0, 255]);
    expect(png.report?.files[0]?.dropped).toEqual([]);
    const jpeg = await run(['cut.png'], { format: 'jpeg' });
    expect((await pixelsOf('out/cut.jpg')).info.channels).toBe(3);
    expect(jpeg.report?.files[0]?.dropped).toEqual(['alpha (laid on white)']);
  });

  it('keep their format and name when asked', async () => {
    const image = () => sharp({ create: { width: size, height: size, channels: 3, background: '#c86432' } });
    await writeFile(join(root, 'a.JPEG'), await image().jpeg().toBuffer());
    await writeFile(join(root, 'b.tiff'), await image().tiff().toBuffer());
    await writeFile(join(root, 'c.png'), await image().webp().toBuffer());
    await writeFile(join(root, 'd.gif'), await image().gif().toBuffer());
    const { code, stderr } = await run(['a.JPEG', 'b.tiff', 'c.png', 'd.gif'], { format: 'input' });
    expect(code, stderr).toBe(0);
    const names = (await visibleIn('out')).toSorted();
    expect(names).toEqual(['a.JPEG', 'b.tiff', 'c.webp', 'd.png']);
    const formats = await Promise.all(
      names.map(async (name) => (await sharp(join(root, 'out', name)).metadata()).format),
    );
    expect(formats).toEqual(['jpeg', 'tiff', 'webp', 'png']);
  });

  it('keep their EXIF unless told otherwise, and stay gray', async () => {
    const gray = sharp({ create: { width: size, height: size, channels: 3, background: '#808080' } });
    await writeFile(
      join(root, 'gray.jpg'),
      await gray
        .withExif({ IFD0: { Copyright: 'nobody' } })
        .jpeg()
        .toBuffer(),
    );
    const kept = await run(['gray.jpg'], { format: 'jpeg' });
    expect(kept.report?.files[0]).toMatchObject({ dropped: [], notes: [] });
    const exifOf = async () => (await sharp(join(root, 'out/gray.jpg')).metadata()).exif;
    expect((await exifOf())?.includes('nobody')).toBe(true);
    const { data } = await pixelsOf('out/gray.jpg');
    for (let i = 0; i < data.length; i += 3) expect([data[i + 1], data[i + 2]]).toEqual([data[i], data[i]]);
    await run(['gray.jpg'], { format: 'jpeg', metadata: 'strip' });
    expect(await exifOf()).toBeUndefined();
    const tiff = await run(['gray.jpg'], { format: 'tiff' });
    expect(tiff.report?.files[0]?.dropped).toEqual([]);
    expect(tiff.stderr).not.toContain('left out');
  });

  it('get distinct names, mirrored folders, and odd letters', async () => {
    for (const name of ['in/a.png', 'in/deep/a.png', 'in/a b.png', 'in/脸 [1].png']) await put(name);
    await writeFile(join(root, 'in/a.jpg'), await sharp(join(root, 'in/a.png')).jpeg().toBuffer());
    const { code, report } = await run(['in'], { recursive: true });
    expect(code).toBe(0);
    expect(report?.files.map(({ output }) => output?.slice(join(root, 'out/').length)).toSorted()).toEqual(
      ['a b.png', 'a-2.png', 'a.png', 'deep/a.png', '脸 [1].png'].toSorted(),
    );
    expect(report?.files.find(({ input }) => input.endsWith('a.jpg'))?.notes).toEqual([
      'written as a-2.png: a.png comes from another input',
    ]);
  });
});

describe('usage', () => {
  it.each([
    ['no inputs', [], {}, /^restore needs a picture, a folder or a glob/],
    [
      'a start after the end',
      ['a.png'],
      { steps: 2, startStep: 3 },
      '--start-step 3 is after the last of 2 --steps',
    ],
  ] as const)('refuses %s', async (_, inputs, flags, message) => {
    const { error, stdout } = await run([...inputs], flags);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
    expect(stdout).toEqual([]);
  });

  it('refuses an output that is, or looks like, a file', async () => {
    await put('a.png');
    expect((await run(['a.png'], { output: join(root, 'a.png') })).error).toBeInstanceOf(UsageError);
    expect((await run(['a.png'], { output: join(root, 'b.png') })).error).toBeInstanceOf(UsageError);
    await mkdir(join(root, 'c.png'));
    expect((await run(['a.png'], { output: join(root, 'c.png') })).code).toBe(0);
  });

  it('refuses to replace an input, before anything is done', async () => {
    await put('a.png');
    await put('b.png');
    const before = await readFile(join(root, 'a.png'));
    const model = negatives();
    const { error } = await run(['b.png', 'a.png'], { model, output: root });
    expect(error).toBeInstanceOf(UsageError);
    expect(model.loadRestorer).not.toHaveBeenCalled();
    expect(await readFile(join(root, 'a.png'))).toEqual(before);
    expect((await readdir(root)).toSorted()).toEqual(['a.png', 'b.png']);
  });
});

it('keeps a file in the output folder that is no earlier result, and replaces its own', async () => {
  await put('a.png');
  await mkdir(join(root, 'out'));
  await writeFile(join(root, 'out/a.png'), 'somebody wrote this');
  const first = await run(['a.png']);
  expect(await readFile(join(root, 'out/a.png'), 'utf8')).toBe('somebody wrote this');
  expect(first.report?.files[0]).toMatchObject({
    output: join(root, 'out/a-2.png'),
    notes: [expect.stringContaining('a.png was there and is no result of an earlier run')],
  });
  // The result before is ours: done already, or written over.
  expect(summary((await run(['a.png'])).report?.files)).toEqual([['a.png', 'kept']]);
  const other = await run(['a.png'], { seed: 5 });
  expect(other.report?.files[0]).toMatchObject({ status: 'done', output: join(root, 'out/a-2.png') });
  expect((await visibleIn('out')).sort()).toEqual(['a-2.png', 'a.png']);
});

it('says which flag allows more pixels, and obeys it, for the picture and its mask', async () => {
  await put('large.png', 120, 100);
  const refused = await run(['large.png'], { maxMegapixels: 0.011 });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.report?.files[0]?.error).toMatch(
    /large\.png: its 120 x 100 pixels are 0\.012 million, more than the 0\.011 million that are read\. .*--max-megapixels 400$/,
  );
  expect(await run(['large.png'], { maxMegapixels: 0.013 })).toMatchObject({ code: 0 });
  await put('mask.png', 120, 100, { r: 255, g: 255, b: 255 });
  await put('larger-mask.png', 120, 120);
  const encoders = { visualEncoder: 'v.pth', spatialEncoder: 's.pth' };
  const masked = { mask: join(root, 'larger-mask.png'), maxMegapixels: 0.013, ...encoders };
  expect((await run(['large.png'], masked)).report?.files[0]?.error).toMatch(
    /larger-mask\.png: its 120 x 120 pixels/,
  );
});
