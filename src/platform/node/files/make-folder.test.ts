import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'make-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

it('makes a folder with those above it, and leaves what is there', async () => {
  const deep = path.join(root, 'a', 'b', 'c');
  await makeFolder(deep);
  await writeFile(path.join(deep, 'kept'), '');
  await makeFolder(deep);
  await makeFolder(path.join(deep, '..', '..', 'd', '.'));
  expect((await stat(path.join(deep, 'kept'))).isFile()).toBe(true);
  expect((await stat(path.join(root, 'a', 'd'))).isDirectory()).toBe(true);
});

it('makes one folder for many who ask at once', async () => {
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(path.join(root, 'x', 'y', 'z'))));
  expect((await stat(path.join(root, 'x', 'y', 'z'))).isDirectory()).toBe(true);
});

it('fails where a file is in the way, or a link leads nowhere', async () => {
  await writeFile(path.join(root, 'file'), '');
  await expect(makeFolder(path.join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(path.join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await symlink(path.join(root, 'nowhere'), path.join(root, 'link'));
  await expect(makeFolder(path.join(root, 'link'))).rejects.toThrow();
});

it.skipIf(process.platform !== 'linux')(
  'ends where the system says "not found" to whatever is made',
  async () => {
    await expect(makeFolder('/proc/no-such-home/.cache/interlcm')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
