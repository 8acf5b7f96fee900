import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drawFaces } from '../../face/drawn-face.test-support.ts';
import type { FaceDetector } from '../../face/face-detector.ts';
import { loadFaceDetector } from '../../platform/node/model/load-face-detector.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { type FacesFlags, runFaces } from './faces.ts';
import type { PhotoFaces } from './find-faces.ts';

let root: string;
let detector: FaceDetector;
beforeAll(async () => {
  detector = await loadFaceDetector();
});
afterAll(() => detector.release());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'faces-'));
  return () => rm(root, { recursive: true, force: true });
});

async function put(name: string, places: Parameters<typeof drawFaces>[2]): Promise<void> {
  await writeFile(
    join(root, name),
    await sharp(drawFaces(420, 260, places))
      .png()
      .toBuffer(),
  );
}

async function run(names: string[], flags: FacesFlags = {}) {
  const written = { stdout: '', stderr: '' };
  const code = await runFaces(
    names.map((name) => join(root, name)),
    flags,
    {
      // Each command releases its own; this one goes on.
      loadDetector: async () => ({
        name: detector.name,
        detect: (...args) => detector.detect(...args),
        locate: (...args) => detector.locate(...args),
        release: async () => {},
      }),
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      signal: new AbortController().signal,
    },
  );
  return { code, ...written };
}

const two = [
  { x: 10, y: 0, size: 250 },
  { x: 280, y: 60, size: 120 },
];

describe('faces', () => {
  it('lists faces from the largest to the smallest', async () => {
    await put('two.png', two);
    const { code, stdout } = await run(['two.png']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /two\.png: 420 x 260, 2 faces by face-api\n +0 {2}score 0\.\d\d +\d+ x \d+ at \d+,\d+\n +1 {2}score/,
    );
  });

  it('draws them into a picture of their numbers', async () => {
    await put('two.png', two);
    await run(['two.png'], { output: join(root, 'seen.png') });
    const before = await sharp(join(root, 'two.png')).raw().toBuffer();
    const { data, info } = await sharp(join(root, 'seen.png')).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 420, height: 260, channels: 3 });
    expect(data.equals(before)).toBe(false);
  });

  it('reports everything as JSON, goes on after a bad file, and ends with what was worst', async () => {
    await put('two.png', two);
    await put('none.png', []);
    await writeFile(join(root, 'bad.png'), 'text');
    const { code, stdout, stderr } = await run(['two.png', 'none.png', 'bad.png'], { json: true });
    expect(code).toBe(1);
    const reports = JSON.parse(stdout) as PhotoFaces[];
    expect(reports.map(({ faces }) => faces.length)).toEqual([2, 0, 0]);
    expect(reports[0]!.faces[1]!.landmarks).toHaveLength(5);
    expect(reports[2]!.error).toContain('it is not a picture');
    expect(stderr).toContain('it is not a picture');
    expect(await run(['none.png'])).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('no face found: try --min-score 0.1'),
    });
  });

  it('puts pictures of several photos into a folder, and never over an input', async () => {
    await put('a.png', two);
    await put('b.png', []);
    await run(['a.png', 'b.png'], { output: join(root, 'seen') });
    expect(await readdir(join(root, 'seen'))).toEqual(['a.png', 'b.png']);
    await expect(run(['a.png', 'b.png'], { output: join(root, 'c.png') })).rejects.toThrow('give a folder');
    await expect(run(['a.png'], { output: join(root, 'a.png') })).rejects.toThrow(UsageError);
    await expect(run([])).rejects.toThrow('needs a photo');
  });
});
