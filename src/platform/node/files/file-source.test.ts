import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ByteSource, blobSource, memorySource } from '../../../checkpoint/byte-source.ts';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { openFileSource } from './file-source.ts';

const content = Uint8Array.from({ length: 100 }, (_, i) => i);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-source-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileWith(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

const sources: { kind: string; open: () => Promise<ByteSource & { close?: () => Promise<void> }> }[] = [
  { kind: 'memorySource', open: async () => memorySource('name', content.slice()) },
  { kind: 'memorySource of a part', open: async () => memorySource('name', padded().subarray(9, 109)) },
  { kind: 'blobSource', open: async () => blobSource(new Blob([content]), 'name') },
  { kind: 'blobSource of a File', open: async () => blobSource(new File([content], 'name')) },
  { kind: 'openFileSource', open: async () => openFileSource(await fileWith('name', content)) },
];

function padded(): Uint8Array {
  const bytes = new Uint8Array(200);
  bytes.set(content, 9);
  return bytes;
}

describe.each(sources)('byte source: $kind', ({ open }) => {
  it('knows its name and length and reads any part', async () => {
    const source = await open();
    expect(source.name).toMatch(/name$/);
    expect(source.byteLength).toBe(100);
    for (const [offset, length] of [
      [0, 100],
      [0, 0],
      [100, 0],
      [3, 5],
      [99, 1],
    ] as const)
      expect(await source.read(offset, length)).toEqual(content.slice(offset, offset + length));
    await source.close?.();
  });

  it('gives memory that the caller may change', async () => {
    const source = await open();
    (await source.read(0, 10)).fill(255);
    expect(await source.read(0, 10)).toEqual(content.slice(0, 10));
    await source.close?.();
  });

  it.each([
    [-1, 1],
    [0, 101],
    [100, 1],
    [0, -1],
    [0.5, 1],
    [Number.NaN, 1],
    [2 ** 53, 1],
  ])('refuses offset %d, length %d', async (offset, length) => {
    const source = await open();
    await expect(source.read(offset, length)).rejects.toThrow(RangeError);
    await source.close?.();
  });
});

it('reports a file that shrank while it was open', async () => {
  const path = await fileWith('shrinking', content);
  const source = await openFileSource(path);
  await truncate(path, 50);
  const read = source.read(40, 20);
  await expect(read).rejects.toThrow(CheckpointError);
  await expect(read).rejects.toMatchObject({ file: path, offset: 50 });
  await source.close();
});

it.each(['missing', '.'])('reports the path %j that is no file', async (name) => {
  const path = join(folder, name);
  const opening = openFileSource(path);
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(path);
});
