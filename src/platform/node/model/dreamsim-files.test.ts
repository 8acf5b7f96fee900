import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDreamsimFiles } from './dreamsim-files.ts';

let root: string;
const before = process.env['XDG_CACHE_HOME'];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dreamsim-files-'));
  process.env['XDG_CACHE_HOME'] = join(root, 'cache');
});
afterAll(async () => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  await rm(root, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text.repeat(100));
/** As the release is laid out, with what archives from elsewhere may also hold. */
const released = {
  'models/dino_vitb16_pretrain.pth': bytes('dino'),
  'models/dino_vitb16_lora/adapter_model.safetensors': bytes('adapter'),
  'models/dino_vitb16_lora/adapter_config.json': bytes('{}'),
  '__MACOSX/models/._dino_vitb16_pretrain.pth': bytes('mac'),
  '../../evil.txt': bytes('evil'),
};
const found = (folder: string) => findDreamsimFiles(folder, ['dino_vitb16']);

describe('the files of DreamSim', () => {
  it.each<[what: string, level: 0 | 6]>([
    ['stored', 0],
    ['deflated', 6],
  ])('are found in an archive, %s, and nothing else of it is unpacked', async (what, level) => {
    const folder = join(root, what);
    await mkdir(folder);
    await writeFile(join(folder, 'another.zip'), zipSync({ 'notes.txt': bytes('notes') }));
    await writeFile(join(folder, 'dino_vitb16.zip'), zipSync(released, { level }));
    const { branches } = await found(folder);
    const [{ name, base, adapter }] = branches as [(typeof branches)[number]];
    expect(name).toBe('dino_vitb16');
    expect(await readFile(base)).toEqual(Buffer.from(bytes('dino')));
    expect(await readFile(adapter)).toEqual(Buffer.from(bytes('adapter')));
    const unpacked = join(base, '..');
    expect((await readdir(unpacked, { recursive: true })).sort()).toEqual([
      'dino_vitb16_lora',
      'dino_vitb16_lora/adapter_config.json',
      'dino_vitb16_lora/adapter_model.safetensors',
      'dino_vitb16_pretrain.pth',
    ]);
    // By its own name too, and not unpacked again.
    expect(await found(join(folder, 'dino_vitb16.zip'))).toEqual({ branches });
  });

  it('are found unpacked', async () => {
    const folder = join(root, 'folder');
    await mkdir(join(folder, 'dino_vitb16_lora'), { recursive: true });
    for (const name of ['dino_vitb16_pretrain.pth', 'dino_vitb16_lora/adapter_model.bin'])
      await writeFile(join(folder, name), 'x');
    expect((await found(folder)).branches[0]!.base).toBe(join(folder, 'dino_vitb16_pretrain.pth'));
    await expect(findDreamsimFiles(folder, ['dino_vitb16', 'clip_vitb16'])).rejects.toThrow(
      /clip_vitb16_pretrain\.pth\.tar: it is missing, and no zip archive of DreamSim/,
    );
  });

  it('are refused where the archive is damaged, and nothing of it is left', async () => {
    const folder = join(root, 'damaged');
    await mkdir(folder);
    const whole = zipSync(released, { level: 6 });
    const at = Buffer.from(whole).indexOf('dino_vitb16_pretrain.pth') + 'dino_vitb16_pretrain.pth'.length + 3;
    whole[at] = whole[at]! ^ 0x55;
    await writeFile(join(folder, 'dino_vitb16.zip'), whole);
    const kept = await readdir(join(root, 'cache'), { recursive: true });
    await expect(found(folder)).rejects.toThrow(/dino_vitb16\.zip: its file dino_vitb16_pretrain\.pth/);
    expect(await readdir(join(root, 'cache'), { recursive: true })).toEqual(kept);
    await writeFile(join(folder, 'dino_vitb16.zip'), 'no archive');
    await expect(found(folder)).rejects.toThrow(/dino_vitb16\.zip/);
  });
});
