import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'degrade-cli-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function degrade(...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [main, 'degrade', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stderr };
}

describe.skipIf(!existsSync(main))('interlcm degrade, built', () => {
  it('makes pairs', async () => {
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background: '#c86432' } });
    await image.png().toFile(join(root, 'face.png'));
    const { status, stderr } = degrade(
      'face.png',
      '-o',
      'out',
      '--preset',
      'severe',
      '--seed',
      '7',
      '--size',
      '64',
    );
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('1 of 1 pairs made'),
    });
    expect(readdirSync(join(root, 'out'))).toEqual(['degradation.jsonl', 'hq', 'lq']);
    const { data } = await sharp(join(root, 'out/hq/face.png')).raw().toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)]).toEqual([200, 100, 50]);
  });

  it.each([
    [[], 'degrade needs a picture'],
    [['a.png', '--preset', 'gentle'], '--preset takes mild, standard or severe'],
    [['a.png', '--size', '5'], '--size takes a whole number from 16 to 4096'],
    [['a.png', '--sead', '5'], 'did you mean --seed?'],
  ])('%j is a mistake in the command', (args, message) => {
    const { status, stderr } = degrade(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('fails where there is no picture', () => {
    expect(degrade('nothing')).toMatchObject({ status: 1, stderr: expect.stringContaining('no such file') });
  });
});
