/** `restore --restorer`: another network takes the model's place; faces are found and laid back as for ours. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFaces } from '../../face/drawn-face.test-support.ts';
import { handMadeModel } from '../../graph/onnx/hand-made-model.test-support.ts';
import { psnr } from '../../metrics/psnr.ts';
import { loadFaceDescriber } from '../../platform/node/model/load-face-describer.ts';
import { loadFaceDetector } from '../../platform/node/model/load-face-detector.ts';
import { loadRestorer } from '../../platform/node/model/load-restorer.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import { readRequest } from '../evaluate/evaluate.ts';
import { runEvaluate } from '../evaluate/run-evaluate.ts';
import { chooseRestorer } from '../terminal/restorer-flags.ts';
import { runRestore } from './restore.ts';
import type { RestoreReport } from './restore-files.ts';

let root: string;
let net: string;
const size = 128;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'restore-restorer-'));
  net = join(root, 'night.onnx');
  const shape = [1, 3, size, size];
  // Takes light away: as much as it is told.
  await writeFile(
    net,
    handMadeModel({
      nodes: [
        { op: 'Cast', inputs: ['weight'], outputs: ['w'], attributes: { to: 1 } },
        { op: 'Sub', inputs: ['input', 'w'], outputs: ['output'] },
      ],
      inputs: [
        { name: 'input', shape },
        { name: 'weight', type: 'float64', shape: [1] },
      ],
      outputs: [{ name: 'output', shape }],
    }),
  );
  await sharp(drawFaces(360, 240, [{ x: 20, y: 10, size: 200 }]))
    .png()
    .toFile(join(root, 'photo.png'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Flags = Parameters<typeof runRestore>[1];
async function restore(flags: Partial<Flags> = {}): Promise<{ report: RestoreReport; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  await runRestore(
    [join(root, 'photo.png')],
    { output: join(root, 'out'), restorer: net, json: true, force: true, threads: 1, ...flags },
    {
      loadRestorer,
      loadDetector: (file) => loadFaceDetector({ file, threads: 1 }),
      loadDescriber: loadFaceDescriber,
      loadParser: () => Promise.reject(new Error('not asked for')),
      loadUpscaler: () => Promise.reject(new Error('not asked for')),
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      signal: new AbortController().signal,
    },
  );
  return { report: JSON.parse(written.stdout), stderr: written.stderr };
}
/** Mean of a patch's red, green and blue. */
async function brightness(file: string, left: number, top: number): Promise<number> {
  const { channels } = await sharp(
    await sharp(file).extract({ left, top, width: 12, height: 12 }).toBuffer(),
  ).stats();
  return channels.slice(0, 3).reduce((sum, { mean }) => sum + mean / 3, 0);
}

describe('restore --restorer', () => {
  it('restores the faces of a photo, as strongly as --fidelity says, and does it once', {
    timeout: 60_000,
  }, async () => {
    const before = await brightness(join(root, 'photo.png'), 114, 116);
    const { report } = await restore();
    const [file] = report.files;
    expect(file).toMatchObject({ status: 'done' });
    expect(file!.faces).toHaveLength(1);
    const result = join(root, 'out/photo.png');
    /** Of the cheek. */
    const darkening = async () => (before - (await brightness(result, 114, 116))) / 127.5;
    expect(await darkening()).toBeCloseTo(0.5, 1.7);
    expect(await brightness(result, 330, 200)).toBe(await brightness(join(root, 'photo.png'), 330, 200));
    expect((await restore()).report.files[0]).toMatchObject({ status: 'kept' });
    const { report: lighter } = await restore({ fidelity: 0.1 });
    expect(lighter.files[0]).toMatchObject({ status: 'done' });
    expect(await darkening()).toBeCloseTo(0.1, 1.7);
    const { report: told } = await restore({ restorerOption: ['inputs.weight=0.3'] });
    expect(told.files[0]).toMatchObject({ status: 'done' });
    expect(await darkening()).toBeCloseTo(0.3, 1.7);
  });

  it.each<[what: string, flags: Partial<Flags>, message: string]>([
    ['other weights', { checkpoint: 'weights' }, '--checkpoint is of InterLCM; leave it out with --restorer'],
    ['steps', { steps: 4 }, '--steps is of InterLCM'],
    ['seeds', { seed: 1 }, '--restorer draws no noise'],
    ['colours', { color: 'colorize' }, "colorization needs InterLCM's encoders"],
    ['a file that is not there', { restorer: 'none.onnx' }, '--restorer none.onnx: there is no such file'],
    [
      'what is no ONNX',
      { restorer: join(import.meta.dirname, 'restore.ts') },
      '--restorer takes an .onnx file',
    ],
    [
      'options of no kind',
      { restorerOption: ['beauty=1'] },
      '--restorer-option does not describe a restorer',
    ],
    ['options without a value', { restorerOption: ['size'] }, '--restorer-option takes a name and a value'],
    [
      'options alone',
      { restorer: undefined, restorerOption: ['size=512'] },
      '--restorer-option goes with --restorer',
    ],
  ])('refuses %s', async (_, flags, message) => {
    await expect(restore(flags)).rejects.toThrow(message);
  });

  it('says how to get one that is known by name', async () => {
    await expect(chooseRestorer({ restorer: 'codeformer' })).rejects.toThrow(
      /there is no restorers\/codeformer\.onnx in weights\. Get it with: interlcm download codeformer/,
    );
  });
});

describe('evaluate --restorer', () => {
  it('measures what it makes', { timeout: 60_000 }, async () => {
    for (const folder of ['hq', 'lq']) await mkdir(join(root, folder));
    const face = await sharp(drawFaces(size, size, [{ x: 8, y: 8, size: 112 }]))
      .png()
      .toBuffer();
    for (const folder of ['hq', 'lq']) await writeFile(join(root, folder, 'face.png'), face);
    const chosen = (await chooseRestorer({ restorer: net, restorerOption: ['inputs.weight=0.25'] }))!;
    let stdout = '';
    const request = readRequest({
      hq: join(root, 'hq'),
      lq: join(root, 'lq'),
      checkpoint: chosen.file,
      onnx: chosen.config,
      noIdentity: true,
      json: true,
      threads: 1,
    });
    await runEvaluate(request, {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: () => true },
      signal: new AbortController().signal,
    });
    const { pixels } = await readImageFile(join(root, 'hq/face.png'));
    const darker = pixels.data.map((value) => Math.max(0, Math.round(value - 0.25 * 127.5)));
    const { images } = JSON.parse(stdout);
    expect(images[0].psnr).toBeCloseTo(psnr({ ...pixels, data: darker }, pixels), 1);
  });
});
