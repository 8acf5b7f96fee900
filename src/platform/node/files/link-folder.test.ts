import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomically } from './atomic-write.ts';
import { linkFolder } from './link-folder.ts';

let root: string;
let from: string;
let to: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'link-folder-'));
  [from, to] = [join(root, 'from'), join(root, 'to')];
  await mkdir(from);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const inode = async (path: string): Promise<number> => (await stat(path)).ino;

describe('linkFolder', () => {
  it('links files, also those in folders', async () => {
    await mkdir(join(from, 'unet'));
    await writeFile(join(from, 'unet/weights'), 'w');
    await linkFolder(from, to);
    expect(await inode(join(to, 'unet/weights'))).toBe(await inode(join(from, 'unet/weights')));
  });

  it('follows a link to a folder, whose files then cannot be replaced through the new one', async () => {
    await mkdir(join(root, 'elsewhere'));
    await writeFile(join(root, 'elsewhere/weights'), 'mine');
    await symlink(join(root, 'elsewhere'), join(from, 'unet'));
    await linkFolder(from, to);
    expect((await lstat(join(to, 'unet'))).isSymbolicLink()).toBe(false);
    await writeFileAtomically(join(to, 'unet/weights'), 'trained');
    expect(await readFile(join(root, 'elsewhere/weights'), 'utf8')).toBe('mine');
    expect(await readFile(join(to, 'unet/weights'), 'utf8')).toBe('trained');
  });

  it('follows links to files, as download caches have them, and leaves out those that lead nowhere', async () => {
    await mkdir(join(root, 'blobs'));
    await writeFile(join(root, 'blobs/1234'), 'w');
    await symlink('../blobs/1234', join(from, 'weights'));
    await symlink('../blobs/gone', join(from, 'dangling'));
    await linkFolder(from, to);
    expect(await readdir(to)).toEqual(['weights']);
    expect((await lstat(join(to, 'weights'))).isFile()).toBe(true);
    expect(await inode(join(to, 'weights'))).toBe(await inode(join(root, 'blobs/1234')));
  });

  it('takes a missing folder for an empty one, and refuses loops', async () => {
    await linkFolder(join(root, 'missing'), to);
    expect(await stat(to).catch(() => undefined)).toBeUndefined();
    await symlink(from, join(from, 'again'));
    await expect(linkFolder(from, to)).rejects.toThrow(/again leads to .*from, which it is in\. Remove/);
  });
});
