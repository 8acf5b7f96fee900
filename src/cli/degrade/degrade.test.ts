import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { degrade } from '../../image/degradation.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import { roundTripJpeg } from '../../platform/node/picture/jpeg.ts';
import { InterruptedError, UsageError } from '../terminal/usage-error.ts';
import { runDegrade } from './degrade.ts';
import type { DegradeSettings, PairRecord } from './degrade-files.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'degrade-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(name: string, width = 48, height = 40): Promise<void> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => 128 + 120 * Math.sin(i * 0.03));
  await mkdir(dirname(join(root, name)), { recursive: true });
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  await writeFile(join(root, name), await image.toFormat(name.endsWith('jpg') ? 'jpeg' : 'png').toBuffer());
}

async function run(inputs: string[], changes: Partial<DegradeSettings> = {}, signal?: AbortSignal) {
  const stderr: string[] = [];
  const code = await runDegrade(
    {
      inputs: inputs.map((input) => join(root, input)),
      output: join(root, 'pairs'),
      preset: 'standard',
      seed: 7,
      size: 32,
      recursive: false,
      overwrite: false,
      ...changes,
    },
    { stderr: { write: (text) => stderr.push(text) }, signal: signal ?? new AbortController().signal },
  );
  return { code, stderr: stderr.join('').replaceAll(`${root}/`, '') };
}

async function records(): Promise<PairRecord[]> {
  const lines = (await readFile(join(root, 'pairs/degradation.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as PairRecord);
}

const bytes = (name: string) => readFile(join(root, 'pairs', name));

describe('runDegrade', () => {
  it('writes pairs that their records reproduce', async () => {
    await put('faces/b.png');
    await put('faces/in/a.jpg', 30, 60);
    const { code, stderr } = await run(['faces'], { recursive: true });
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('2 of 2 pairs made') });
    const made = await records();
    expect(made.map(({ file }) => file)).toEqual(['b.png', 'in/a.png']);
    for (const { file, draws } of made) {
      const high = await readImageFile(join(root, 'pairs/hq', file));
      const low = await readImageFile(join(root, 'pairs/lq', file));
      expect([high.pixels.width, high.pixels.height]).toEqual([32, 32]);
      const expected = await degrade(high.pixels, draws, roundTripJpeg);
      expect(Buffer.from(low.pixels.data).equals(Buffer.from(expected.data))).toBe(true);
    }
  });

  it('draws by seed and name, whatever lies beside', async () => {
    await put('faces/b.png');
    await run(['faces']);
    const alone = await bytes('lq/b.png');
    await put('faces/a.png');
    await run(['faces'], { overwrite: true });
    expect(alone.equals(await bytes('lq/b.png'))).toBe(true);
    await run(['faces'], { overwrite: true, seed: 8 });
    expect(alone.equals(await bytes('lq/b.png'))).toBe(false);
  });

  it('keeps pairs that are there, and makes half of one anew', async () => {
    await put('faces/a.png');
    await put('faces/b.png');
    await run(['faces']);
    const before = await stat(join(root, 'pairs/hq/a.png'));
    const lost = await bytes('lq/b.png');
    await rm(join(root, 'pairs/lq/b.png'));
    const { code, stderr } = await run(['faces'], { seed: 7 });
    expect(code).toBe(0);
    expect(stderr).toContain('1 of 1 pairs made');
    expect(stderr).toContain('1 were there already; --overwrite');
    expect((await stat(join(root, 'pairs/hq/a.png'))).mtimeMs).toBe(before.mtimeMs);
    expect(lost.equals(await bytes('lq/b.png'))).toBe(true);
    expect((await run(['faces'], { preset: 'severe' })).stderr).toContain(
      '2 of them made with other settings',
    );
  });

  it('takes a record that was cut off for none', async () => {
    await put('a.png');
    await run(['a.png']);
    const [record] = await records();
    const line = JSON.stringify(record);
    await writeFile(join(root, 'pairs/degradation.jsonl'), line.slice(0, -5));
    expect((await run(['a.png'])).stderr).toContain('1 of 1 pairs made');
    expect(await records()).toEqual([record]);
  });

  it('reports a bad picture and makes the others', async () => {
    await put('faces/a.png');
    await writeFile(join(root, 'faces/bad.png'), 'no picture');
    const { code, stderr } = await run(['faces', 'missing.png']);
    expect(code).toBe(1);
    expect(stderr).toContain('1 of 2 pairs made');
    expect(stderr).toContain('Cannot read faces/bad.png: it is not a picture');
    expect(stderr).toContain('Cannot read missing.png: there is no such file');
    expect(await readdir(join(root, 'pairs/hq'))).toEqual(['a.png']);
  });

  it('says when it is interrupted, and leaves nothing half-written', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await put(`faces/${name}.png`);
    const controller = new AbortController();
    const interrupted = run(['faces'], {}, controller.signal);
    const poll = setInterval(() => {
      stat(join(root, 'pairs/lq/a.png')).then(
        () => controller.abort(new InterruptedError()),
        () => undefined,
      );
    }, 1);
    await expect(interrupted.finally(() => clearInterval(poll))).rejects.toThrow(InterruptedError);
    const files = await readdir(join(root, 'pairs'), { recursive: true });
    expect(files.filter((name) => name.includes('.tmp'))).toEqual([]);
    expect((await run(['faces'])).code).toBe(0);
    expect((await records()).length).toBe(6);
  });

  it('does not replace an input', async () => {
    await put('pairs/hq/a.png');
    await expect(run(['pairs/hq/a.png'])).rejects.toThrow(/would replace the input/);
  });

  it('needs inputs, and a folder for what it writes', async () => {
    await put('a.png');
    await expect(run([])).rejects.toThrow(UsageError);
    await expect(run(['a.png'], { output: join(root, 'a.png') })).rejects.toThrow('is a file');
  });
});
