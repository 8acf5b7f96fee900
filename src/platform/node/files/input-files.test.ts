import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findInputFiles } from './input-files.ts';

const pngStart = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'input-files-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), pngStart);
  }
}

async function find(args: string[], { recursive = false, output = 'restored' } = {}) {
  const found = await findInputFiles(
    args.map((arg) => join(root, arg)),
    { recursive, outputFolder: join(root, output) },
  );
  return {
    names: found.files.map((file) => file.relativePath),
    problems: found.problems.map((problem) => problem.message.replaceAll(root, '')),
    failures: found.problems.flatMap(({ failure }) => failure ?? []),
  };
}

describe('findInputFiles', () => {
  it('takes files, folders and globs in the order given, each file once', async () => {
    await put('z.png', 'faces/10.png', 'faces/9.png', 'album/a.jpg', 'album/b.jpg', 'album/c.png');
    const found = await find(['z.png', 'faces', 'album/*.jpg', 'faces/9.png', 'album', 'faces']);
    expect(found.names).toEqual(['z.png', '9.png', '10.png', 'a.jpg', 'b.jpg', 'c.png']);
    expect(found.problems).toEqual([]);
  });

  it('takes an existing path literally and only then as a glob', async () => {
    await put(
      'a[1].png',
      'a1.png',
      '{x,y}/p.png',
      'x/q.png',
      'star*.png',
      'start.png',
      'with space Jürgen 脸.png',
    );
    expect((await find(['a[1].png'])).names).toEqual(['a[1].png']);
    expect((await find(['a[12].png'])).names).toEqual(['a1.png']);
    expect((await find(['{x,y}'])).names).toEqual(['p.png']);
    expect((await find(['{x,y}/*.png'])).names).toEqual([join('x', 'q.png')]);
    expect((await find(['star*.png'])).names).toEqual(['star*.png']);
    expect((await find(['with*.png'])).names).toEqual(['with space Jürgen 脸.png']);
  });

  it('knows a picture in a folder by its first bytes or by its extension', async () => {
    await put('faces/no-extension', 'faces/photo.data', 'faces/.hidden.png', 'faces/.interlcm-0.tmp');
    await writeFile(join(root, 'faces/text.png'), 'text');
    await writeFile(join(root, 'faces/readme.txt'), 'text');
    await writeFile(join(root, 'faces/feed.xml'), '<?xml version="1.0"?>');
    await writeFile(join(root, 'faces/empty'), '');
    expect((await find(['faces'])).names).toEqual(['no-extension', 'photo.data', 'text.png']);
  });

  it('looks into inner folders only when asked, and mirrors them', async () => {
    await put('faces/a.png', 'faces/x.png/b.png', 'faces/deep/er/c.png', 'faces/.git/d.png');
    expect((await find(['faces'])).names).toEqual(['a.png']);
    const recursive = await find(['faces'], { recursive: true });
    expect(recursive.names).toEqual(['a.png', join('deep', 'er', 'c.png'), join('x.png', 'b.png')]);
  });

  it('places what a glob finds below its fixed part', async () => {
    await put('album/a.jpg', 'album/1/a.jpg', 'album/2/a.jpg');
    expect((await find(['album/**/*.jpg'])).names.toSorted()).toEqual([
      join('1', 'a.jpg'),
      join('2', 'a.jpg'),
      'a.jpg',
    ]);
    expect((await find(['alb*/?.jpg'])).names).toEqual([join('album', 'a.jpg')]);
  });

  it('does not take earlier results as inputs when it comes upon their folder', async () => {
    await put('a.png', 'restored/a.png');
    expect((await find(['.'], { recursive: true })).names).toEqual(['a.png']);
    expect((await find(['**/*.png'])).names).toEqual(['a.png']);
    expect((await find(['restored'])).names).toEqual(['a.png']);
    expect((await find(['restored/*.png'])).names).toEqual(['a.png']);
  });

  it('reads a folder once however symbolic links lead to it, and follows links to files', async () => {
    await put('faces/a.png', 'elsewhere/b.png', 'plain');
    await symlink(join(root, 'faces'), join(root, 'faces/loop'));
    await symlink('..', join(root, 'faces/up'));
    await symlink(join(root, 'elsewhere/b.png'), join(root, 'faces/link.png'));
    await symlink('self.png', join(root, 'faces/self.png'));
    const found = await find(['faces'], { recursive: true });
    expect(found.names).toEqual(['a.png', 'link.png', 'self.png', join('up', 'plain')]);
    expect((await find(['faces/**/*.png'])).names).toContain('a.png');
  });

  it.skipIf(process.platform !== 'linux')('names what text cannot name, and takes the others', async () => {
    await put('faces/a.png', 'faces/\u00e9.png', 'faces/real \ufffd.png');
    const bytes = (...parts: (string | number)[]): Buffer =>
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))));
    const png = await readFile(join(root, 'faces/a.png'));
    await writeFile(bytes(`${root}/faces/caf`, 0xe9, '.png'), png);
    await writeFile(bytes(`${root}/faces/caf`, 0xe9, '.mp4'), 'a video');
    await mkdir(bytes(`${root}/faces/b`, 0xff));
    const refusal = (name: string): string =>
      `Cannot read /faces/${name}: its name is not UTF-8, which Node cannot open; rename it`;
    const files = [refusal('caf\\xe9.mp4'), refusal('caf\\xe9.png')];
    const found = await find(['faces']);
    expect(found.names.toSorted()).toEqual(['a.png', '\u00e9.png', 'real \ufffd.png'].toSorted());
    expect(found.problems).toEqual(files);
    expect((await find(['faces'], { recursive: true })).problems).toEqual([refusal('b\\xff'), ...files]);
    const globbed = await find(['faces/*.png']);
    expect(globbed.names).toHaveLength(3);
    expect(globbed.problems.join()).toContain('its name is not UTF-8');
  });

  it('says what gave nothing, and why', async () => {
    await put('faces/deep/a.png');
    await symlink('self', join(root, 'self'));
    const found = await find(['missing.png', 'nothing-*.png', 'faces', 'self']);
    expect(found.names).toEqual([]);
    expect(found.problems).toEqual([
      'Cannot read /missing.png: there is no such file or folder',
      'Cannot read /nothing-*.png: no such file, and no picture fits it as a glob',
      'Cannot find a picture in /faces',
      'Cannot read /self: symbolic links form a loop',
    ]);
    expect(found.failures).toEqual([{ code: 'no-picture-in-folder', recursive: false }]);
  });

  it.skipIf(process.getuid?.() === 0)('reports a folder that may not be listed', async () => {
    await put('closed/a.png');
    await chmod(join(root, 'closed'), 0);
    const found = await find(['closed']);
    await chmod(join(root, 'closed'), 0o700);
    expect(found.problems).toEqual(['Cannot list /closed: permission denied']);
  });
});
