import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageFormat } from '../../platform/node/picture/image-format.ts';
import { planOutputFiles, refuseToOverwriteInputs } from './output-files.ts';
import { UsageError } from './usage-error.ts';

function plan(paths: string[], { format = 'png' as ImageFormat, comparison = false, folder = 'out' } = {}) {
  const requests = paths.map((path) => ({ input: { path: join('in', path), relativePath: path }, format }));
  return planOutputFiles(requests, { folder, comparison });
}

describe('planOutputFiles', () => {
  it('keeps places and names, and extensions that say the format', () => {
    const paths = ['a.jpg', 'B.PNG', 'deep/er/c.webp', 'v1.2', 'no-extension', 'with space 脸.tiff', '.png'];
    expect(plan(paths).map(({ path }) => path)).toEqual(
      [
        'a.png',
        'B.PNG',
        'deep/er/c.png',
        'v1.2.png',
        'no-extension.png',
        'with space 脸.png',
        '.png.png',
      ].map((path) => join('out', path)),
    );
    expect(plan(['a.jpeg', 'b.JPG', 'c.png'], { format: 'jpeg' }).map(({ path }) => path)).toEqual(
      ['a.jpeg', 'b.JPG', 'c.jpg'].map((path) => join('out', path)),
    );
  });

  it('never gives one name twice, and says when a name is not the own one', () => {
    const planned = plan(['a.jpg', 'a.png', 'a-2.png', 'sub/a.png', 'A.webp']);
    expect(planned.map(({ path }) => path)).toEqual(
      ['a-3.png', 'a.png', 'a-2.png', 'sub/a.png', 'A-4.png'].map((path) => join('out', path)),
    );
    expect(planned.map(({ notes }) => notes)).toEqual([
      ['written as a-3.png: a.png comes from another input'],
      [],
      [],
      [],
      ['written as A-4.png: A.png comes from another input'],
    ]);
  });

  it('keeps files that are to be kept, and says so', () => {
    const input = { path: join('in', 'a.png'), relativePath: 'a.png' };
    const options = {
      folder: 'out',
      comparison: true,
      foreign: ['out/A.png', 'out/a-2-comparison.png'].map((path) => join(path)),
    };
    const [planned] = planOutputFiles([{ input, format: 'png' }], options);
    expect(planned).toMatchObject({
      path: join('out', 'a-2.png'),
      comparison: join('out', 'a-2-comparison-2.png'),
      notes: ['written as a-2.png: a.png was there and is no result of an earlier run, so it is kept'],
    });
  });

  it('tells composed from decomposed letters no more than disks do', () => {
    const paths = plan(['\u00e9.png', 'e\u0301.png']).map(({ path }) => path.normalize('NFC'));
    expect(paths).toEqual([join('out', '\u00e9.png'), join('out', '\u00e9-2.png')]);
  });

  it('names comparisons after results and keeps them apart from all', () => {
    const planned = plan(['a.jpg', 'a-comparison.png', 'b/a.png'], { comparison: true });
    expect(planned.map(({ comparison }) => comparison)).toEqual(
      ['a-comparison-2.png', 'a-comparison-comparison.png', 'b/a-comparison.png'].map((path) =>
        join('out', path),
      ),
    );
  });
});

describe('refuseToOverwriteInputs', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'output-files-'));
    await mkdir(join(root, 'out'));
    await writeFile(join(root, 'a.png'), '');
    await writeFile(join(root, 'b.jpg'), '');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  function check(names: string[], folder: string, comparison = false): Promise<void> {
    const requests = names.map((name) => ({
      input: { path: join(root, name), relativePath: name },
      format: 'png' as const,
    }));
    return refuseToOverwriteInputs(planOutputFiles(requests, { folder: join(root, folder), comparison }));
  }

  it('lets earlier results be replaced', async () => {
    await writeFile(join(root, 'out/a.png'), '');
    await expect(check(['a.png', 'b.jpg'], 'out')).resolves.toBeUndefined();
    await expect(check(['b.jpg'], '.')).resolves.toBeUndefined();
  });

  it('refuses the folder of the inputs where names stay', async () => {
    const error = await check(['b.jpg', 'a.png'], '.').catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(
      `Cannot write ${join(root, 'a.png')}: that would replace the input ${join(root, 'a.png')}; choose another folder with --output`,
    );
  });

  it('sees an input through links', async () => {
    await symlink('../a.png', join(root, 'out/a.png'));
    await expect(check(['a.png'], 'out')).rejects.toThrow(UsageError);
    await rm(join(root, 'out/a.png'));
    await link(join(root, 'b.jpg'), join(root, 'out/a.png'));
    await expect(check(['a.png', 'b.jpg'], 'out')).rejects.toThrow('that would replace the input');
  });

  it('guards inputs from comparisons too', async () => {
    await writeFile(join(root, 'a-comparison.png'), '');
    await expect(check(['a.png'], 'out', true)).resolves.toBeUndefined();
    await link(join(root, 'b.jpg'), join(root, 'out/a-comparison.png'));
    await expect(check(['a.png', 'b.jpg'], 'out', true)).rejects.toThrow(UsageError);
  });
});
