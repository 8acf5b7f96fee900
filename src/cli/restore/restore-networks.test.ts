import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drawFaces } from '../../face/drawn-face.test-support.ts';
import { createPixels } from '../../image/pixels.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { loadFaceParser, loadUpscaler } from '../../platform/node/model/face-network-files.ts';
import { formulaFolder, makeFormulaCheckpoint } from '../../platform/node/model/formula-checkpoint.ts';
import { loadFaceDetector } from '../../platform/node/model/load-face-detector.ts';
import { type LoadRestorerOptions, loadRestorer } from '../../platform/node/model/load-restorer.ts';
import {
  savedParsenet,
  savedRetinaface,
  savedUpscaler,
  savedWeight,
  saveNetwork,
} from '../../platform/node/model/saved-network.test-support.ts';
import type { RestoreOptions, Restorer } from '../../restore/restorer.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { hostTensor } from '../../tensor/host-tensor.ts';
import { microSpec } from '../../verify/formula.ts';
import { runFaces } from '../faces/faces.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { runRestore } from './restore.ts';
import type { RestoreReport } from './restore-files.ts';

/** Networks beside the model are real, with small formula weights; the model gives orange. */
/** Larger than the drawn face's crop: the face is the model's, with nothing added. */
const imageSize = 160;
const orange = [255, 128, 0] as const;
let runtime: Runtime;
let networks: string;
let root: string;

beforeAll(async () => {
  runtime = await createNodeRuntime({ device: 'cpu', threads: 1 });
  networks = await mkdtemp(join(tmpdir(), 'networks-'));
  await saveNetwork(join(networks, 'retinaface.pth'), Object.values(savedRetinaface(64, 64)));
  await saveNetwork(join(networks, 'x2.pth'), [savedUpscaler(8)]);
  for (const [name, label] of [
    ['skin.pth', 1],
    ['hat.pth', 14],
  ] as const)
    await saveNetwork(join(networks, name), [savedParsenet(64)], {
      // One class wins everywhere.
      weight: (key, shape) =>
        key.endsWith('out_mask_conv.conv2d.bias')
          ? Float32Array.from({ length: shape[0]! }, (_, i) => (i === label ? 1e4 : 0))
          : savedWeight(key, shape),
    });
});
afterAll(() => rm(networks, { recursive: true, force: true }));
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'restore-networks-'));
  return () => rm(root, { recursive: true, force: true });
});

type Flags = Parameters<typeof runRestore>[1];

/** The face of the drawing, from the brows to the chin. */
const box = [[90, 60, 80, 80]] as const;
const middle = [130, 85] as const;

async function run(names: string[], flags: Partial<Flags> = {}) {
  const written = { stdout: '', stderr: '' };
  const calls: RestoreOptions[] = [];
  const models: { checkpoint: string; options: LoadRestorerOptions }[] = [];
  const restorer: Restorer = {
    imageSize,
    device: 'cpu: in a test',
    restore: async (lq, options = {}) => {
      calls.push(options);
      const area = imageSize ** 2;
      return hostTensor(
        lq.shape,
        lq.data.map((_, i) => orange[Math.floor(i / area)]! / 127.5 - 1),
      );
    },
    release: async () => {},
  };
  const code = await runRestore(
    names.map((name) => join(root, name)),
    { output: join(root, 'out'), checkpoint: root, json: true, force: true, box, ...flags },
    {
      loadRestorer: async (checkpoint, options) => {
        models.push({ checkpoint, options });
        return restorer;
      },
      loadDetector: (file) => loadFaceDetector({ file, threads: 1 }),
      loadDescriber: async () => ({ describe: async () => new Float32Array(128), release: async () => {} }),
      loadParser: (file) => loadFaceParser(file, runtime),
      loadUpscaler: (file) => loadUpscaler(file, runtime),
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      signal: new AbortController().signal,
    },
  );
  return { code, calls, models, report: JSON.parse(written.stdout) as RestoreReport, stderr: written.stderr };
}

/** One face in a photo of 260 x 180. */
function photo() {
  return sharp(drawFaces(260, 180, [{ x: 30, y: -10, size: 200 }])).removeAlpha();
}

async function put(name: string, change = (image: ReturnType<typeof photo>) => image): Promise<void> {
  await writeFile(join(root, name), await change(photo()).png().toBuffer());
}

async function pixelsOf(name: string) {
  const { data, info } = await sharp(join(root, name)).raw().toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    data,
    at: (x: number, y: number) => [...data.subarray(3 * (y * info.width + x)).subarray(0, 3)],
  };
}

/** Blending cuts to whole numbers. */
function expectOrange(pixel: readonly number[]): void {
  for (const [c, value] of pixel.entries())
    expect(Math.abs(value - orange[c]!), `${pixel}`).toBeLessThanOrEqual(1);
}

describe('--detector', () => {
  it('takes RetinaFace from its file, and faces says what found them', async () => {
    await put('a.png');
    const written: string[] = [];
    const code = await runFaces(
      [join(root, 'a.png')],
      { detector: join(networks, 'retinaface.pth'), minScore: 0.515, json: true },
      {
        loadDetector: (file) => loadFaceDetector({ file, threads: 1 }),
        stdout: { write: (text) => written.push(text) },
        stderr: { write: () => {} },
        signal: new AbortController().signal,
      },
    );
    expect(code).toBe(0);
    const [report] = JSON.parse(written.join(''));
    expect(report.detector).toBe('RetinaFace MobileNet-0.25');
    expect(report.faces.length).toBeGreaterThan(1);
  });

  it('takes the names that download has, of files in the checkpoint folder', async () => {
    await put('a.png');
    await expect(run(['a.png'], { detector: 'detector-small' })).rejects.toThrow(
      `Cannot use --detector detector-small: there is no face/detection_mobilenet0.25_Final.pth in ${root} or weights. Get it with: interlcm download detector-small -o ${root}`,
    );
    await mkdir(join(root, 'face'));
    await symlink(join(networks, 'retinaface.pth'), join(root, 'face/detection_mobilenet0.25_Final.pth'));
    const { report, code } = await run(['a.png'], {
      detector: 'detector-small',
      box: [],
      face: [[0, 1]],
      minScore: 0.515,
    });
    expect(code).toBe(0);
    // The built-in detector finds one face in the drawing.
    expect(report.files[0]!.faces).toHaveLength(2);
  });

  it('says what it takes when there is no such file, and stops at one of another network', async () => {
    await put('a.png');
    const missing = run(['a.png'], { detector: 'nonsense.pth' });
    await expect(missing).rejects.toThrow(UsageError);
    await expect(missing).rejects.toThrow(
      '--detector nonsense.pth: there is no such file or folder. It takes a file, or by name: face-api, detector, detector-small; interlcm download gets the networks',
    );
    await put('b.png');
    await expect(run(['a.png', 'b.png'], { detector: join(networks, 'x2.pth') })).rejects.toThrow(
      /x2\.pth.*do not fit the RetinaFace network/,
    );
  });
});

describe('--parser', () => {
  it('decides what is pasted', async () => {
    await put('a.png');
    await run(['a.png'], { parser: join(networks, 'hat.pth') });
    expect((await pixelsOf('out/a.png')).data).toEqual((await pixelsOf('a.png')).data);
    await run(['a.png'], { parser: join(networks, 'skin.pth') });
    const whole = await pixelsOf('out/a.png');
    // In the crop, beside the mask that landmarks give.
    const beside = [80, 32] as const;
    expectOrange(whole.at(...middle));
    expectOrange(whole.at(...beside));
    await run(['a.png']);
    const plain = await pixelsOf('out/a.png');
    expectOrange(plain.at(...middle));
    expect(plain.at(...beside)).toEqual((await pixelsOf('a.png')).at(...beside));
  });

  it('has to be downloaded to be named', async () => {
    await put('a.png');
    await expect(run(['a.png'], { parser: 'parser' })).rejects.toThrow(
      /no face\/parsing_parsenet\.pth in .* Get it with: interlcm download parser/,
    );
  });
});

describe('--background', () => {
  it('enlarges everything but the faces by the network', async () => {
    await put('a.png');
    const { report } = await run(['a.png'], {
      upscale: '2',
      background: join(networks, 'x2.pth'),
      samples: 2,
    });
    expect(report.files[0]).toMatchObject({ status: 'done', error: null });
    const upscaler = await loadUpscaler(join(networks, 'x2.pth'), runtime);
    const { width, height, data } = await pixelsOf('a.png');
    const expected = await upscaler.upscale(createPixels(width, height, 3, new Uint8Array(data)));
    await upscaler.release();
    for (const name of ['out/a.png', 'out/a-seed1.png']) {
      const result = await pixelsOf(name);
      expect(result).toMatchObject({ width: 520, height: 360 });
      expect(result.data.subarray(0, 3000)).toEqual(Buffer.from(expected.data.subarray(0, 3000)));
      expect(result.at(2 * middle[0], 2 * middle[1])).not.toEqual([
        ...expected.data.subarray(3 * (2 * middle[1] * 520 + 2 * middle[0])).subarray(0, 3),
      ]);
    }
  });

  it('refuses a network that does not fit --upscale, before any face is restored', async () => {
    await put('a.png');
    const background = join(networks, 'x2.pth');
    await expect(run(['a.png'], { upscale: '4', background })).rejects.toThrow(
      'makes photos 2 times as large, not 4 as --upscale asks: take --upscale 2',
    );
    await expect(run(['a.png'], { background })).rejects.toThrow('add --upscale 2 or 4');
    await expect(run(['a.png'], { upscale: '2', background: 'lanczo' })).rejects.toThrow(
      'by name: keep, lanczos, upscaler-2x, upscaler-4x',
    );
  });
});

/** Names of released encoders, with the micro model's weights behind them. */
async function putEncoders(task: string): Promise<void> {
  const micro = await formulaFolder(microSpec);
  await makeFormulaCheckpoint(microSpec, micro);
  await mkdir(join(root, 'interlcm'), { recursive: true });
  for (const folder of ['lcm', 'clip']) await symlink(join(micro, folder), join(root, folder));
  for (const kind of ['visual', 'spatial'])
    await symlink(
      join(micro, `interlcm/${kind}_encoder.safetensors`),
      join(root, `interlcm/${kind}_encoder_${task}_1step.pth`),
    );
  const sampling = { imageSize: microSpec.image_size };
  await writeFile(join(root, 'interlcm/sampling.json'), JSON.stringify(sampling));
}

describe('--color colorize', () => {
  it('gives faces of gray photos colours, by the released one-step weights', async () => {
    await put('a.png', (image) => image.grayscale().toColourspace('srgb'));
    await putEncoders('colorization');
    const { calls, models } = await run(['a.png'], { color: 'colorize', force: false });
    const result = await pixelsOf('out/a.png');
    expectOrange(result.at(...middle));
    const [r, g, b] = result.at(3, 3);
    expect([g, b]).toEqual([r, r]);
    expect(calls).toEqual([expect.objectContaining({ steps: 2, colorFix: 'none' })]);
    expect(models[0]).toMatchObject({
      checkpoint: root,
      options: {
        visualEncoder: join(root, 'interlcm/visual_encoder_colorization_1step.pth'),
        spatialEncoder: join(root, 'interlcm/spatial_encoder_colorization_1step.pth'),
      },
    });
  });

  it('colours aligned faces as a whole', async () => {
    await put('a.png', (image) => image.grayscale().toColourspace('srgb').resize(160, 160));
    await putEncoders('colorization');
    await run(['a.png'], { color: 'colorize', aligned: true, box: [] });
    const result = await pixelsOf('out/a.png');
    for (const [x, y] of [
      [0, 0],
      [80, 80],
    ] as const)
      expectOrange(result.at(x, y));
  });

  it('takes other weights as they are given, and says how to get the released ones', async () => {
    await put('a.png');
    const { calls, models } = await run(['a.png'], {
      color: 'colorize',
      steps: 3,
      visualEncoder: 've.pth',
      spatialEncoder: 'se.pth',
    });
    expect(calls[0]).toMatchObject({ steps: 3, colorFix: 'none' });
    expect(models[0]!.options).toMatchObject({ visualEncoder: 've.pth', spatialEncoder: 'se.pth' });
    await expect(run(['a.png'], { color: 'colorize' })).rejects.toThrow(
      /interlcm\/visual_encoder_colorization_1step\.pth, .* Get it with: interlcm download colorization -o /,
    );
  });
});

describe('--inpaint', () => {
  const stroke = {
    input: Buffer.from('<svg width="24" height="16"><rect width="24" height="16" fill="#fff"/></svg>'),
  };
  const painted = (image: ReturnType<typeof photo>) => image.composite([{ ...stroke, left: 118, top: 77 }]);

  /** Checks that the stroke is filled, and that nothing far from it changed. */
  async function expectFilled(name: string): Promise<void> {
    const [before, after] = [await pixelsOf(name), await pixelsOf(`out/${name}`)];
    expect(after).toMatchObject({ width: 260, height: 180 });
    for (let y = 77; y < 93; y++) for (let x = 118; x < 142; x++) expectOrange(after.at(x, y));
    for (let y = 0; y < 180; y++)
      for (let x = 0; x < 260; x++)
        if (Math.max(118 - x, x - 141, 77 - y, y - 92) > 12) expect(after.at(x, y)).toEqual(before.at(x, y));
  }

  it('fills in what is exactly white', async () => {
    await putEncoders('inpainting');
    await put('a.png', painted);
    const { calls, report } = await run(['a.png'], { inpaint: true });
    await expectFilled('a.png');
    expect(calls).toEqual([expect.objectContaining({ steps: 2, colorFix: 'none' })]);
    expect(report.files[0]!.faces).toMatchObject([{ status: 'restored', identityDistance: null }]);
  });

  it('fills in what is white in a mask, and says what it could not reach', async () => {
    await putEncoders('inpainting');
    await put('a.png');
    const black = sharp({ create: { width: 260, height: 180, channels: 3, background: '#000' } });
    const far = { input: stroke.input, left: 0, top: 160 };
    const mask = join(root, 'mask.png');
    await black
      .composite([{ ...stroke, left: 118, top: 77 }, far])
      .png()
      .toFile(mask);
    const { report } = await run(['a.png'], { mask });
    await expectFilled('a.png');
    expect(report.files[0]!.notes).toContain('50 % of what is painted is not near a face and stays as it is');
    await put('b.png');
    await expect(run(['a.png', 'b.png'], { mask })).rejects.toThrow(
      /--mask .* is for one picture, not for 2/,
    );
    await sharp({ create: { width: 9, height: 9, channels: 3, background: '#fff' } })
      .png()
      .toFile(mask);
    expect((await run(['a.png'], { mask })).report.files[0]!.error).toMatch(
      /a\.png: its 260 x 180 pixels do not fit the 9 x 9 of the mask .*mask\.png/,
    );
  });

  it('refuses what cannot be meant', async () => {
    await put('a.png');
    await expect(run(['a.png'], { inpaint: true })).rejects.toThrow('interlcm download inpainting');
    await expect(run(['a.png'], { inpaint: true, color: 'colorize' })).rejects.toThrow('do not go together');
    await expect(run(['a.png'], { inpaint: true, parser: 'parser' })).rejects.toThrow('leave out --parser');
    await expect(run(['clip.mp4'], { inpaint: true, box: [] })).rejects.toThrow('--inpaint is for pictures');
    await putEncoders('inpainting');
    const { report } = await run(['a.png'], { inpaint: true });
    expect(report.files[0]!.error).toContain('nothing in it is exactly white');
  });

  it('leaves the rest of an aligned face as it is, with a real model', async () => {
    await putEncoders('inpainting');
    const visualEncoder = join(root, 'interlcm/visual_encoder_inpainting_1step.pth');
    const spatialEncoder = join(root, 'interlcm/spatial_encoder_inpainting_1step.pth');
    const real = await loadRestorer(root, { threads: 1, visualEncoder, spatialEncoder });
    const small = sharp(await painted(photo()).png().toBuffer()).extract({
      left: 98,
      top: 58,
      width: 64,
      height: 64,
    });
    await small.png().toFile(join(root, 'face.png'));
    const code = await runRestore(
      [join(root, 'face.png')],
      { output: join(root, 'out'), checkpoint: root, inpaint: true, aligned: true },
      {
        loadRestorer: async () => real,
        loadDetector: () => Promise.reject(new Error('nothing to detect')),
        loadDescriber: () => Promise.reject(new Error('nothing to describe')),
        loadParser: () => Promise.reject(new Error('nothing to parse')),
        loadUpscaler: () => Promise.reject(new Error('nothing to enlarge')),
        stdout: { write: () => {} },
        stderr: { write: () => {} },
        signal: new AbortController().signal,
      },
    );
    expect(code).toBe(0);
    const [before, after] = [await pixelsOf('face.png'), await pixelsOf('out/face.png')];
    expect(after.at(32, 27)).not.toEqual([255, 255, 255]);
    for (let y = 0; y < 64; y++)
      for (let x = 0; x < 64; x++)
        if (y < 15 || y > 39) expect(after.at(x, y), `${x},${y}`).toEqual(before.at(x, y));
  });
});
