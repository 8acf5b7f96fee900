import { mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drawFaces, renderPixels } from '../../face/drawn-face.test-support.ts';
import { faceSharpness } from '../../face/sharpness.ts';
import { type BytePixels, toBytePixels, toFloatPixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import type { Evaluation } from '../../metrics/evaluation.ts';
import { psnr } from '../../metrics/psnr.ts';
import { ssim } from '../../metrics/ssim.ts';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { makeFormulaCheckpoint } from '../../platform/node/model/formula-checkpoint.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import { microSpec } from '../../verify/formula.ts';
import { readRequest } from './evaluate.ts';
import { runEvaluate } from './run-evaluate.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'evaluate-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const sized = (pixels: BytePixels, size: number): BytePixels =>
  toBytePixels(
    resizePixels(pixels, { width: size, height: size }, size < pixels.width ? 'area' : 'bilinear'),
  );
const write = async (path: string, pixels: BytePixels): Promise<void> =>
  writeFileAtomically(join(root, path), await encodeImage(pixels, path.endsWith('.jpg') ? 'jpeg' : 'png'));

/** Two faces of 128 pixels in hq, and of 24 in lq, under other extensions. */
async function drawPairs(): Promise<BytePixels[]> {
  const places = [
    { x: 8, y: 8, size: 112 },
    { x: 0, y: 12, size: 124, turn: 12 },
  ];
  const faces: BytePixels[] = [];
  for (const [i, place] of places.entries()) {
    const face = await renderPixels(drawFaces(128, 128, [place]));
    await write(`hq/face${i}.png`, face);
    await write(`lq/face${i}.jpg`, sized(face, 24));
    faces.push(face);
  }
  return faces;
}

async function evaluate(flags: Parameters<typeof readRequest>[0]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const paths = ['hq', 'lq', 'restored', 'checkpoint', 'sheet'] as const;
  const inRoot = Object.fromEntries(
    paths.flatMap((key) => (flags[key] ? [[key, join(root, flags[key])]] : [])),
  );
  const code = await runEvaluate(readRequest({ ...flags, ...inRoot }), {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal: new AbortController().signal,
  });
  return { ...written, code };
}

describe('evaluate', () => {
  it('measures a folder of restored faces against the true ones, and the input beside it', async () => {
    const faces = await drawPairs();
    for (const [i, face] of faces.entries()) await write(`out/face${i}.png`, sized(sized(face, 40), 64));
    await write('out/face1-comparison.png', faces[1]!);
    const flags = { hq: 'hq', lq: 'lq', restored: 'out', sheet: 'sheet.png' };
    const { stdout } = await evaluate(flags);
    const report = JSON.parse((await evaluate({ ...flags, json: true })).stdout) as Evaluation;
    expect(report.count).toBe(2);
    expect(report.images.map(({ name }) => name)).toEqual(['face0', 'face1']);
    const truth = resizePixels(toFloatPixels(faces[0]!), { width: 64, height: 64 }, 'area');
    const restored = (await readImageFile(join(root, 'out/face0.png'))).pixels;
    const [first] = report.images;
    expect(first!.psnr).toBeCloseTo(psnr(restored, truth), 10);
    expect(first!.ssim).toBeCloseTo(ssim(restored, truth), 10);
    for (const key of ['psnr', 'ssim', 'identity'] as const) {
      const values = report.images.map((image) => image[key]!);
      expect(report.mean[key]).toBeCloseTo((values[0]! + values[1]!) / 2, 10);
    }
    // 40 pixels keep more of a face than 24 do.
    expect(report.mean.psnr).toBeGreaterThan(report.input!.psnr);
    expect(report.mean.ssim).toBeGreaterThan(report.input!.ssim);
    expect(report.mean.identity).toBeLessThan(report.input!.identity!);
    expect(report.images[1]!.sharpness).toBe(
      faceSharpness((await readImageFile(join(root, 'out/face1.png'))).pixels),
    );
    expect(report.frechet).toBeLessThan(report.input!.frechet!);
    expect(stdout).toContain('2 faces');
    expect(stdout).toMatch(new RegExp(`PSNR, dB +${report.mean.psnr.toFixed(2)} `));

    const { pixels: sheet } = await readImageFile(join(root, 'sheet.png'));
    // Two rows of low quality, restored and truth, four pixels apart.
    expect([sheet.width, sheet.height]).toEqual([4 + 3 * 68, 4 + 2 * 68]);
    const at = (x: number, y: number) => sheet.data[(y * sheet.width + x) * 3];
    expect(at(4 + 2 * 68 + 30, 4 + 20)).toBe(toBytePixels(truth).data[(20 * 64 + 30) * 3]);
    expect(at(4 + 68 + 30, 4 + 20)).toBe(restored.data[(20 * 64 + 30) * 3]);
  });

  it('finds nothing wrong with the truth itself, at any size', async () => {
    await drawPairs();
    const { stdout } = await evaluate({ hq: 'hq', restored: 'hq', size: 96, json: true });
    const { mean, frechet } = JSON.parse(stdout) as Evaluation;
    expect(mean.psnr).toBeNull(); // infinite
    expect(mean.ssim).toBeCloseTo(1, 12);
    expect(mean.identity).toBeLessThan(1e-5);
    expect(frechet).toBeCloseTo(0, 3); // a difference of traces of some tens
  });

  it('restores and times the low-quality faces itself', async () => {
    await drawPairs();
    await makeFormulaCheckpoint(microSpec, join(root, 'weights'));
    const flags = { hq: 'hq', lq: 'lq', checkpoint: 'weights', json: true, noIdentity: true };
    const report = JSON.parse((await evaluate(flags)).stdout) as Evaluation;
    expect(report.count).toBe(2);
    expect(report.mean.ms).toBeGreaterThan(0);
    for (const { psnr: value, input, identity } of report.images) {
      expect(value).toBeGreaterThan(0);
      expect(input!.psnr).toBeGreaterThan(10);
      expect(identity).toBeUndefined();
    }
  });

  it('measures no sharpness of pictures that are no aligned faces', async () => {
    const [face] = await drawPairs();
    const wide = toBytePixels(resizePixels(face!, { width: 96, height: 48 }, 'area'));
    for (const folder of ['true', 'out']) await write(`${folder}/a.png`, wide);
    const { stdout } = await evaluate({ hq: 'true', restored: 'out', noIdentity: true, json: true });
    const { mean } = JSON.parse(stdout) as Evaluation;
    expect(mean.ssim).toBeCloseTo(1, 12);
    expect(mean).not.toHaveProperty('sharpness');
  });

  it('takes the Fréchet distance over the features of another network', async () => {
    const faces = await drawPairs();
    for (const [i, face] of faces.entries()) await write(`out/face${i}.png`, sized(face, 40));
    const flags = { hq: 'hq', lq: 'lq', restored: 'out', size: 64, json: true };
    const judged = JSON.parse((await evaluate(flags)).stdout) as Evaluation;
    const own = await evaluate({ ...flags, features: 'face-api', noIdentity: true });
    const report = JSON.parse(own.stdout) as Evaluation;
    expect([judged.features, report.features]).toEqual(['faceres', 'face-api']);
    expect(report.mean.identity).toBeUndefined();
    expect(report.frechet).toBeGreaterThan(1e-3);
    expect(report.frechet).toBeLessThan(report.input!.frechet!);
    expect(report.frechet).not.toBeCloseTo(judged.frechet!, 3);
    const both = await evaluate({ ...flags, features: 'face-api', json: false });
    expect(both.stdout).toContain('identity, degrees');
    expect(both.stdout).toMatch(new RegExp(`Fréchet, face-api +${report.frechet!.toFixed(2)}`));
  });

  it('measures an autoencoder alone, on the true faces or on the low-quality ones', async () => {
    await drawPairs();
    await makeFormulaCheckpoint(microSpec, join(root, 'weights'));
    const flags = {
      hq: 'hq',
      autoencoder: true,
      checkpoint: 'weights',
      size: 64,
      json: true,
      noIdentity: true,
    };
    const ofTruth = JSON.parse((await evaluate(flags)).stdout) as Evaluation;
    const ofLow = JSON.parse((await evaluate({ ...flags, lq: 'lq' })).stdout) as Evaluation;
    expect(ofTruth.input!.psnr).toBeNull(); // the truth itself: infinite
    expect(ofLow.input!.psnr).toBeGreaterThan(10);
    expect(ofLow.mean.psnr).not.toBe(ofTruth.mean.psnr);
  });

  it('says which pictures have no counterpart, and which do not fit', async () => {
    const [face] = await drawPairs();
    await write('out/face0.png', face!);
    await write('out/other.png', face!);
    const restored = { hq: 'hq', restored: 'out', noIdentity: true };
    await expect(evaluate(restored)).rejects.toThrow(/out lacks face1; .*hq lacks other\./);
    await rename(join(root, 'out/other.png'), join(root, 'out/face1.png'));
    await expect(evaluate({ ...restored, size: 200 })).rejects.toThrow(
      'Cannot compare face0 at 200 x 200: the true picture is 128 x 128',
    );
    await write('out/face1.jpg', face!);
    await expect(evaluate(restored)).rejects.toThrow(/face1\.jpg and .*face1\.png have one name/);
  });

  it('measures the pictures that it can, and names the others', async () => {
    const faces = await drawPairs();
    await write('out/face0.png', faces[0]!);
    await write('out/face1.png', faces[1]!);
    const flags = { hq: 'hq', lq: 'lq', restored: 'out', noIdentity: true, json: true, sheet: 'sheet.png' };
    const whole = await evaluate(flags);
    expect(whole.code).toBe(0);
    expect(JSON.parse(whole.stdout)).toMatchObject({ count: 2, failed: [] });

    const bad: [file: string, write: (path: string) => Promise<unknown>, reason: RegExp][] = [
      ['out/face1.png', (path) => truncate(path, 3000), /Cannot read .*out\/face1\.png: the PNG file/],
      ['hq/face1.png', (path) => writeFile(path, ''), /Cannot read .*hq\/face1\.png: the file is empty/],
      ['lq/face1.jpg', (path) => writeFile(path, 'a note'), /Cannot read .*lq\/face1\.jpg: it is not a pic/],
      [
        'out/face1.png',
        async () =>
          write('out/face1.png', toBytePixels(resizePixels(faces[1]!, { width: 64, height: 32 }, 'area'))),
        /Cannot compare face1: the restored picture is 64 x 32, the true one 128 x 128/,
      ],
    ];
    for (const [file, spoil, reason] of bad) {
      const path = join(root, file);
      const good = await readFile(path);
      await spoil(path);
      const { stdout, stderr, code } = await evaluate(flags);
      const report = JSON.parse(stdout) as Evaluation & { failed: unknown[] };
      expect(code, file).toBe(1);
      expect(report.images).toEqual(JSON.parse(whole.stdout).images.slice(0, 1));
      expect(report.failed).toEqual([{ name: 'face1', error: expect.stringMatching(reason) }]);
      expect(stderr).toMatch(reason);
      expect(stderr).toContain('1 of 2 pictures could not be measured');
      await writeFile(path, good);
    }
    for (const name of ['face0', 'face1']) await writeFile(join(root, `out/${name}.png`), 'a note');
    await expect(evaluate(flags)).rejects.toThrow(
      /None of 2 pictures can be measured\. The first: Cannot read .*face0\.png: it is not a picture/,
    );
  });

  it.each<[what: string, flags: Parameters<typeof readRequest>[0], message: string]>([
    ['no truth', { restored: 'r' }, 'evaluate needs --hq'],
    ['nothing to measure', { hq: 'h' }, 'evaluate needs --lq, to restore'],
    [
      'an autoencoder and results',
      { hq: 'h', restored: 'r', autoencoder: true },
      '--autoencoder makes what it measures',
    ],
    ['two results', { hq: 'h', restored: 'r', checkpoint: 'c' }, '--checkpoint restores --lq'],
    ['half of LPIPS', { hq: 'h', restored: 'r', lpips: 'vgg.pth' }, 'LPIPS needs both'],
    ['VGG16 for nothing', { hq: 'h', restored: 'r', vgg: 'vgg.pth' }, '--vgg is used by --lpips and by'],
    ['VGG16 without a file', { hq: 'h', restored: 'r', features: 'vgg16' }, '--features vgg16 needs --vgg'],
    ['a sheet of another kind', { hq: 'h', restored: 'r', sheet: 's.jpg' }, 'takes the name of a .png file'],
  ])('refuses %s', (_, flags, message) => {
    expect(() => readRequest(flags)).toThrow(message);
  });
});
