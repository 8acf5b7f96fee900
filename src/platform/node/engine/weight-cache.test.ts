import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BindParameter } from '../../../graph/onnx/emit-model.ts';
import { mul, parameter } from '../../../graph/ops.ts';
import { createNodeRuntime, modelLocation } from './node-runtime.ts';
import { weightCache } from './weight-cache.ts';

let folder: string;
let weights: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weight-cache-'));
  weights = path.join(folder, 'weights.bin');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/**
 * Twice and thrice a weight of four values that lies in a file, which is written first if values are given.
 * @param others how many other multiples there are
 */
async function prepare(
  values?: readonly number[],
  others = 0,
): Promise<{ file: string; read: (name: string) => Promise<number[]> }> {
  if (values) await writeFile(weights, Float32Array.from(values));
  const w = parameter('net/w', [4]);
  const bind: BindParameter = () => ({
    kind: 'external',
    location: modelLocation(weights),
    offset: 0,
    byteLength: 16,
    dtype: 'float32',
  });
  const cached = await weightCache(folder, await createNodeRuntime())(
    'stage',
    new Map([
      ['twice', mul(w, 2)],
      ['thrice', mul(w, 3)],
      ...Array.from({ length: others }, (_, i) => [`other${i}`, mul(w, i)] as const),
    ]),
    bind,
  );
  const [name] = await readdir(path.join(folder, '.interlcm-cache'));
  const file = path.join(folder, '.interlcm-cache', name!);
  return {
    file,
    read: async (value) => {
      const binding = cached(value, [4]);
      if (binding.kind !== 'external') throw new TypeError('prepared weights lie in a file');
      expect(binding.location).toBe(modelLocation(file));
      const bytes = await readFile(file);
      return [...new Float32Array(bytes.buffer, bytes.byteOffset + binding.offset, 4)];
    },
  };
}

it('keeps computed weights beside the checkpoint, each at the start of a memory page', async () => {
  const { file, read } = await prepare([1, 2, 3, 4]);
  expect(await read('twice')).toEqual([2, 4, 6, 8]);
  expect(await read('thrice')).toEqual([3, 6, 9, 12]);
  expect((await stat(file)).size).toBe(2 * 4096 + 8);
});

it('takes what is there, until the checkpoint changes; then the old file goes', async () => {
  const first = await prepare([1, 2, 3, 4]);
  const { mtimeMs, ino } = await stat(first.file);
  const again = await prepare();
  expect(again.file).toBe(first.file);
  expect(await stat(again.file)).toMatchObject({ mtimeMs, ino });

  await new Promise((resolve) => setTimeout(resolve, 20));
  const changed = await prepare([5, 6, 7, 8]);
  expect(changed.file).not.toBe(first.file);
  expect(await changed.read('twice')).toEqual([10, 12, 14, 16]);
  expect(await readdir(path.join(folder, '.interlcm-cache'))).toHaveLength(1);
});

it('checks many values without a warning of leaks', async () => {
  const warn = vi.fn();
  process.on('warning', warn);
  try {
    const { file } = await prepare([1, 2, 3, 4], 20);
    const { ino } = await stat(file);
    const again = await prepare(undefined, 20);
    expect((await stat(again.file)).ino).toBe(ino);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warn).not.toHaveBeenCalled();
  } finally {
    process.off('warning', warn);
  }
});

it.each<[what: string, damage: (bytes: Buffer) => Uint8Array]>([
  ['one flipped bit', (bytes) => bytes.fill(bytes[5]! ^ 0x10, 5, 6)],
  ['one flipped bit of the last value', (bytes) => bytes.fill(bytes[4096 + 15]! ^ 1, 4096 + 15, 4096 + 16)],
  ['zeros in place of a value', (bytes) => bytes.fill(0, 4096, 8192)],
  ['zeros everywhere', (bytes) => bytes.fill(0)],
  ['a checksum of another value', (bytes) => bytes.copyWithin(8192, 8196)],
  ['its end missing', (bytes) => bytes.subarray(0, -1)],
  ['bytes too many', (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
])('makes values again that were found with %s', async (_, damage) => {
  const { file } = await prepare([1, 2, 3, 4]);
  const right = await readFile(file);
  await writeFile(file, damage(Buffer.from(right)));
  const again = await prepare();
  expect(await again.read('twice')).toEqual([2, 4, 6, 8]);
  expect(await again.read('thrice')).toEqual([3, 6, 9, 12]);
  expect(await readFile(file)).toEqual(right);
});

it('says what to do where nothing can be kept', async () => {
  await writeFile(path.join(folder, '.interlcm-cache'), 'a file in the way');
  await writeFile(path.join(folder, 'cache'), 'another');
  vi.stubEnv('XDG_CACHE_HOME', path.join(folder, 'cache'));
  await expect(prepare([1, 2, 3, 4])).rejects.toThrow(
    /^Cannot keep transformed weights in .*\.interlcm-cache or .*weights: .*\. Set XDG_CACHE_HOME/,
  );
});

it.skipIf(process.platform !== 'linux')('ends where no home can be made', async () => {
  await writeFile(path.join(folder, '.interlcm-cache'), 'a file in the way');
  vi.stubEnv('XDG_CACHE_HOME', '/proc/no-such-home/.cache');
  await expect(prepare([1, 2, 3, 4])).rejects.toThrow(
    /or \/proc\/no-such-home.*: there is no such file or folder\. Set XDG_CACHE_HOME/,
  );
});
