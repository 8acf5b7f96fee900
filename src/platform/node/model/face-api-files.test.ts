import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import { faceApiFolder } from './packaged-models.ts';

it('has the files of face-api, and its licence, as they are published', async () => {
  const published = path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));
  const names = await readdir(faceApiFolder);
  expect(names.filter((name) => name.endsWith('.bin'))).toHaveLength(3);
  expect(names).toContain('LICENSE');
  for (const name of names) {
    const theirs = path.join(published, name === 'LICENSE' ? '' : 'model', name);
    expect((await readFile(path.join(faceApiFolder, name))).equals(await readFile(theirs)), name).toBe(true);
  }
});
