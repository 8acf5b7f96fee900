import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

/** Folders of src from the bottom up; a file imports from its own folder and from rows below. */
const rows = [
  ['failure', 'tensor'],
  ['random', 'checkpoint', 'graph', 'diffusion', 'image', 'metrics'],
  ['nn'],
  ['models', 'runtime'],
  ['face', 'measure'],
  ['restore'],
  ['train'],
  ['verify'],
  ['platform'],
  ['cli', 'page', 'index.ts'],
];
/** Entries of one row that one folder may use beside itself. */
const besides: Readonly<Record<string, readonly string[]>> = {
  image: ['random'],
  metrics: ['image'],
};
const browserSafe = (file: string): boolean => !/^(platform\/node|cli)\//.test(file);

const source = path.resolve(import.meta.dirname, '../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => file.endsWith('.ts') && !/\.test(-support)?\.ts$/.test(file));

const importsOf = (file: string): string[] =>
  [...readFileSync(path.join(source, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    (m) => m[1]!,
  );
const folderOf = (file: string): string => file.split('/')[0]!;
const rowOf = (folder: string): number => rows.findIndex((row) => row.includes(folder));

it('finds the sources', () => {
  expect(files.length).toBeGreaterThan(50);
});

it.each(files)('%s imports from its own folder and from rows below', (file) => {
  const folder = folderOf(file);
  expect(rowOf(folder), `src/${folder} has no row`).toBeGreaterThanOrEqual(0);
  for (const target of importsOf(file).filter((name) => name.startsWith('.'))) {
    const imported = folderOf(path.posix.join(path.posix.dirname(file), target));
    const allowed =
      imported === folder ||
      rowOf(imported) < rowOf(folder) ||
      (besides[folder]?.includes(imported) ?? false);
    expect(allowed, `${target} (src/${imported}) is not below src/${folder}`).toBe(true);
  }
});

it.each(files.filter(browserSafe))('%s runs in a browser', (file) => {
  expect(importsOf(file).filter((name) => /^node:|^sharp$|^onnxruntime-node$/.test(name))).toEqual([]);
});
