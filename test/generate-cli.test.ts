/** Text to image, and restoring by a text, by the built command, on small formula weights in the released layout. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adviseOn } from '../src/cli/terminal/advice.ts';
import { smallGenerators } from '../src/generate/generator.test-support.ts';
import { type BytePixels, toBytePixels } from '../src/image/pixels.ts';
import { psnr } from '../src/metrics/psnr.ts';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { makeFormulaGenerator } from '../src/platform/node/model/formula-generator.ts';
import { loadGenerator } from '../src/platform/node/model/load-generator.ts';
import { loadRestorer } from '../src/platform/node/model/load-restorer.ts';
import type { TextCondition } from '../src/platform/node/model/text-context.ts';
import { readImageFile } from '../src/platform/node/picture/image-file.ts';
import { restorePicture } from '../src/restore/photo/restore-picture.ts';
import { microSpec } from '../src/verify/formula.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const face = fileURLToPath(new URL('../examples/face-low.png', import.meta.url));
const prompt = 'A photo of a face';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'generate-cli-'));
  // The restoration's networks, and beside them the text tower and the tokenizer.
  await makeFormulaCheckpoint(microSpec, join(root, 'weights'));
  await makeFormulaGenerator(join(root, 'texts'), 'lcm', smallGenerators.lcm);
  await makeFormulaGenerator(join(root, 'texts'), 'sd-turbo', smallGenerators['sd-turbo']);
});
afterAll(() => rm(root, { recursive: true, force: true }));

function interlcm(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--threads', '1'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, DEBUG: undefined },
  });
  return { status, stdout, stderr };
}
const pixelsOf = async (...file: string[]) => (await readImageFile(join(root, ...file))).pixels;

describe.skipIf(!existsSync(main))('interlcm generate', { timeout: 300_000 }, () => {
  it('makes images of several seeds, keeps every state, and goes on where it was', async () => {
    const args = ['generate', prompt, '--checkpoint', 'texts', '-o', 'out', '--states', 'states', '--json'];
    const first = interlcm(...args, '--count', '1', '--seed', '7');
    expect(first, first.stderr).toMatchObject({ status: 0 });
    const both = interlcm(...args, '--count', '2', '--seed', '7');
    expect(both, both.stderr).toMatchObject({ status: 0 });
    const { images } = JSON.parse(both.stdout) as { images: { seed: number; status: string }[] };
    expect(images.map(({ seed, status }) => [seed, status])).toEqual([
      [7, 'kept'],
      [8, 'made'],
    ]);
    const name = 'a-photo-of-a-face-seed7.png';
    expect((await readdir(join(root, 'states/clean'))).sort()).toEqual([1, 2, 3, 4].map((k) => `step-${k}`));
    expect((await readdir(join(root, 'states/noisy'))).sort()).toEqual(
      [0, 1, 2, 3, 4].map((k) => `step-${k}`),
    );
    const image = await pixelsOf('out', name);
    expect(image).toMatchObject({ width: 64, height: 64 });
    // The last step's clean image is the result, and nothing is added to it any more.
    expect(await pixelsOf('states/clean/step-4', name)).toEqual(image);
    expect(await pixelsOf('states/noisy/step-4', name)).toEqual(image);
    expect(psnr(await pixelsOf('states/clean/step-1', name), image)).toBeLessThan(60);
    expect(psnr(await pixelsOf('out', 'a-photo-of-a-face-seed8.png'), image)).toBeLessThan(40);
    // Nothing but pixels.
    const { exif, xmp, icc, comments } = await sharp(join(root, 'out', name)).metadata();
    expect([exif, xmp, icc, comments]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('gives the image that the library gives, from a text as from its stored embedding', async () => {
    const stored = interlcm('embed', prompt, '--checkpoint', 'texts', '-o', 'face.safetensors');
    expect(stored, stored.stderr).toMatchObject({ status: 0 });
    const result = interlcm(
      ...['generate', '--text-embedding', 'face.safetensors', '--checkpoint', 'texts', '-o', 'embedded'],
    );
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const generator = await loadGenerator(join(root, 'texts'), { threads: 1 });
    try {
      const context = await generator.encode(prompt);
      expect(context.shape).toEqual([1, 77, 768]);
      const null_ = await generator.encode('');
      expect(null_.data).not.toEqual(context.data);
      const image = await generator.generate(context, { seed: 0 });
      const pixels = await pixelsOf('embedded', 'face-seed0.png');
      const written = Float32Array.from(pixels.data, (value) => value / 127.5 - 1);
      // [H, W, 3] against [1, 3, H, W], rounded to 8 bits.
      const off = image.data.map((value, i) => {
        const at = (i % (64 * 64)) * 3 + Math.floor(i / (64 * 64));
        return Math.abs(Math.min(Math.max(value, -1), 1) - written[at]!);
      });
      expect(Math.max(...off)).toBeLessThan(0.6 / 127.5);
      await expect(generator.generate({ ...context, shape: [1, 77 * 2, 384] })).rejects.toThrow(/768/);
    } finally {
      await generator.release();
    }
  });

  it('samples SD Turbo by Euler steps, from its own tower, with its own padding', async () => {
    const args = ['generate', '', '--checkpoint', 'texts', '-o', 'turbo', '--model', 'sd-turbo'];
    const result = interlcm(...args, '--states', 'turbo-states', '--steps', '2');
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const image = await pixelsOf('turbo', 'image-seed0.png');
    expect(await pixelsOf('turbo-states/clean/step-2', 'image-seed0.png')).toEqual(image);
    expect(await pixelsOf('turbo-states/noisy/step-1', 'image-seed0.png')).not.toEqual(image);
    expect(interlcm(...args, '--guidance', '3').status).toBe(2);
  });

  it('says what is missing, and how to get it', async () => {
    const without = interlcm('generate', prompt, '--checkpoint', 'weights', '-o', 'none');
    expect(without.status).toBe(1);
    expect(without.stderr).toContain('lcm/text_encoder/config.json');
    expect(without.stderr).toContain('interlcm download text-encoder -o weights');
    expect(await readdir(join(root, 'none')).catch(() => [])).toEqual([]);
    const problem = async (folder: string, model: 'lcm' | 'sd-turbo'): Promise<string> => {
      try {
        const generator = await loadGenerator(join(root, folder), { model, threads: 1 });
        await generator.encode(prompt).finally(() => generator.release());
      } catch (error) {
        return adviseOn(error);
      }
      return 'nothing';
    };
    expect(await problem('weights', 'sd-turbo')).toContain('interlcm download sd-turbo -o');
    await cp(join(root, 'texts'), join(root, 'cut'), { recursive: true });
    await rm(join(root, 'cut/lcm/tokenizer/merges.txt'));
    expect(await problem('cut', 'lcm')).toContain('lcm/tokenizer/merges.txt');
    await writeFile(join(root, 'cut/lcm/scheduler/scheduler_config.json'), '{"_class_name":"DDIMScheduler"}');
    expect(await problem('cut', 'lcm')).toContain('DDIMScheduler');
  });
});

describe.skipIf(!existsSync(main))('interlcm restore --text', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    for (const part of ['text_encoder', 'tokenizer'])
      await cp(join(root, 'texts/lcm', part), join(root, 'weights/lcm', part), { recursive: true });
  });
  const restoreBy = async (condition?: TextCondition): Promise<BytePixels> => {
    const restorer = await loadRestorer(join(root, 'weights'), { threads: 1, condition });
    try {
      const { pixels } = await readImageFile(face);
      return toBytePixels(await restorePicture(pixels, restorer, { colorFix: 'none' }));
    } finally {
      await restorer.release();
    }
  };

  it('takes the place of CLIP and the visual encoder, which need not be there', async () => {
    const seen = await restoreBy();
    for (const part of ['clip', 'interlcm/visual_encoder.safetensors', 'interlcm/visual_encoder.json'])
      await rm(join(root, 'weights', part), { recursive: true });
    const common = ['--checkpoint', 'weights', '--aligned', '--force', '--color-fix', 'none'];
    const result = interlcm('restore', face, '-o', 'told', ...common, '--text', prompt);
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const told = await pixelsOf('told', 'face-low.png');
    expect(told).not.toEqual(seen);
    expect(await restoreBy({ text: '' })).not.toEqual(told);
    expect(await restoreBy({ embedding: join(root, 'face.safetensors') })).toEqual(told);
  });

  it('names the tensor that is no embedding', async () => {
    const header = '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}';
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const bad = join(root, 'bad.safetensors');
    await writeFile(bad, Buffer.concat([length, Buffer.from(header), Buffer.alloc(12)]));
    await expect(restoreBy({ embedding: bad })).rejects.toThrow(/bad\.safetensors: its a is \[3\]/);
    const args = ['--checkpoint', 'weights', '--text', 'a', '--text-embedding', 'bad.safetensors'];
    expect(interlcm('restore', face, ...args).status).toBe(2);
  });

  it('says of the embedded model that it takes no text', () => {
    const result = interlcm('restore', face, '-o', 'embedded-model', '--aligned', '--text', prompt);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('not trained with texts');
  });
});
