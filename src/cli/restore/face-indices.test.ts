import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { splitFaceIndices } from './face-indices.ts';

it('takes numbers after --face for faces', async () => {
  expect(await splitFaceIndices(['photo.jpg', '2', '11'], [[0]])).toEqual({
    pictures: ['photo.jpg'],
    face: [[0], [2], [11]],
  });
});

it('leaves numbers alone without --face, and where a file has that name', async () => {
  expect(await splitFaceIndices(['2'], [])).toEqual({ pictures: ['2'], face: [] });
  const folder = await mkdtemp(join(tmpdir(), 'indices-'));
  await writeFile(join(folder, '2'), '');
  const file = join(folder, '2');
  expect(await splitFaceIndices([file], [[0]])).toEqual({ pictures: [file], face: [[0]] });
  await rm(folder, { recursive: true });
});
