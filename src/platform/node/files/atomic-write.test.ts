import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requireWritable, writeFileAtomically } from './atomic-write.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'atomic-write-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('writeFileAtomically', () => {
  it('makes folders, replaces a file and leaves nothing else', async () => {
    const path = join(root, 'a/b/picture.png');
    await writeFileAtomically(path, 'first');
    await writeFileAtomically(path, Uint8Array.from([50, 51]));
    expect(await readFile(path, 'utf8')).toBe('23');
    expect(await readdir(join(root, 'a/b'))).toEqual(['picture.png']);
  });

  it('keeps the old file and no temporary one when it fails', async () => {
    await mkdir(join(root, 'taken/full'), { recursive: true });
    await expect(writeFileAtomically(join(root, 'taken'), 'x')).rejects.toThrow(
      /^Cannot write .*taken: it is a folder$/,
    );
    expect(await readdir(root)).toEqual(['taken']);
  });

  it('names the file and the cause when a parent is a file', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(writeFileAtomically(join(root, 'file/x.png'), 'x')).rejects.toThrow(
      /^Cannot write .*x\.png: a file is in the way$/,
    );
  });

  it('writes names as long as the system allows', async () => {
    const name = `${'n'.repeat(251)}.png`;
    await writeFileAtomically(join(root, name), 'x');
    expect(await readdir(root)).toEqual([name]);
  });

  it('removes its temporary file when the process exits half-way', async () => {
    const writing = writeFileAtomically(join(root, 'big'), Buffer.alloc(2 ** 27));
    const settled = expect(writing).rejects.toThrow('Cannot write');
    await vi.waitUntil(async () => (await readdir(root)).length > 0, { interval: 1 });
    expect((await readdir(root)).join()).toMatch(/^\.interlcm-[0-9a-f]+\.tmp$/);
    const atExit = process.listeners('exit').find((listener) => listener.name === 'removeUnfinished');
    atExit?.call(process, 0);
    expect(await readdir(root)).toEqual([]);
    await settled;
    expect(await readdir(root)).toEqual([]);
  });
});

describe('requireWritable', () => {
  it('takes folders that are there or can be made, and makes none', async () => {
    await requireWritable(root);
    await requireWritable(join(root, 'a/b'));
    expect(await readdir(root)).toEqual([]);
  });

  it('names the folder that cannot be', async () => {
    await writeFile(join(root, 'file'), '');
    for (const folder of [join(root, 'file'), join(root, 'file/below')])
      await expect(requireWritable(folder)).rejects.toThrow(`Cannot write to ${folder}: `);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('asks for permission', async () => {
    await chmod(root, 0o500);
    await expect(requireWritable(join(root, 'a'))).rejects.toThrow(/a: permission denied$/);
    await chmod(root, 0o700);
  });
});
