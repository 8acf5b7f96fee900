import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openFileSource } from '../platform/node/files/file-source.ts';
import { relativeError } from '../tensor/host-tensor.ts';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { crc32 } from './crc32.ts';
import { encodeSafetensors } from './safetensors-writer.ts';
import { openTensorFile, readTensor } from './tensor-file.ts';
import { encodeTorchArchive } from './torch-archive-writer.ts';
import { openZip } from './zip-directory.ts';
import { encodeDirectoryEnd, encodeDirectoryEntry, encodeStoredZip } from './zip-writer.ts';

const tensors = [
  { name: 'a', dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) },
  { name: 'b', dtype: 'float32', shape: [1, 1], data: Float32Array.of(3) },
] as const;

async function joined(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

const safetensors = () => joined(encodeSafetensors(tensors, { note: 'x' }));
const torchArchive = () => joined(encodeTorchArchive({ params_ema: tensors }));

describe('openTensorFile', () => {
  it('recognises the format by content, whatever the name', async () => {
    expect((await openTensorFile(memorySource('a.pth', await safetensors()))).format).toBe('safetensors');
    expect((await openTensorFile(memorySource('a.safetensors', await torchArchive()))).format).toBe('torch');
  });

  it.each([
    ['no bytes', new Uint8Array(), 'it is empty'],
    ['a web page', Buffer.from('<!DOCTYPE html><html lang="en">'), '"<!DOCTYPE html><html lan"'],
    ['control characters, escaped', Buffer.from('\x1b[2J\x07'), '"\\u001b[2J\\u0007"'],
    ['the start of a legacy torch file', Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex'), 'ends'],
    ['a tar archive', Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\x0000')]), 'tar archive'],
    ['an empty zip archive', new Uint8Array(Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex')), 'data.pkl'],
  ] as [string, Uint8Array, string][])('refuses %s', async (_, bytes, problem) => {
    const opening = openTensorFile(memorySource('a', bytes));
    await expect(opening).rejects.toThrow(CheckpointError);
    await expect(opening).rejects.toThrow(problem);
  });
});

describe('readTensor', () => {
  it('names the tensor that is missing', async () => {
    const file = await openTensorFile(memorySource('a', await safetensors()));
    await expect(readTensor(file, 'c')).rejects.toMatchObject({
      name: 'CheckpointError',
      key: 'c',
      file: 'a',
    });
  });

  it('gives data of its own', async () => {
    const file = await openTensorFile(memorySource('a', await safetensors()));
    (await readTensor(file, 'a')).data.fill(9);
    expect((await readTensor(file, 'a')).data).toEqual(Float32Array.of(1, 2));
  });
});

/** Numbers from 0 to 2^32 - 1, the same in every run (xorshift, Marsaglia 2003). */
function randomIntegers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A torch archive whose pickle is deflated. */
async function deflatedArchive(): Promise<Uint8Array> {
  const plain = await torchArchive();
  const archive = await openZip(memorySource('plain', plain));
  const entries = [...archive.entries.values()].map((entry) => {
    const at = entry.headerOffset + 30 + entry.nameBytes;
    const start = at + (plain[entry.headerOffset + 28]! | (plain[entry.headerOffset + 29]! << 8));
    const data = plain.slice(start, start + entry.size);
    return {
      name: entry.name,
      content: data,
      data: entry.name.endsWith('.pkl') ? deflateRawSync(data) : data,
    };
  });
  const bytes = Buffer.from(await joined(encodeStoredZip(entries)));
  const [{ name, content }] = entries as [(typeof entries)[0]];
  bytes.writeUInt16LE(8, bytes.indexOf(`PK\x03\x04`) + 8);
  const record = bytes.indexOf(`PK\x01\x02`);
  expect(bytes.indexOf(name, record)).toBe(record + 46);
  bytes.writeUInt16LE(8, record + 10);
  bytes.writeUInt32LE(crc32(content), record + 16);
  bytes.writeUInt32LE(content.length, record + 24);
  return new Uint8Array(bytes);
}

it('opens an archive whose pickle is deflated', async () => {
  const file = await openTensorFile(memorySource('a', await deflatedArchive()));
  expect((await readTensor(file, 'a')).data).toEqual(Float32Array.of(1, 2));
});

/**
 * The pickle's checksum guards it against chance, so it is damaged within a valid archive as well; that is where
 * most of the parsing happens.
 */
async function withDamagedPickle(damage: (bytes: Uint8Array) => Uint8Array): Promise<Uint8Array> {
  const chunks = [...encodeTorchArchive({ params_ema: tensors })];
  const storages = [1, 2].map((i) => ({ name: `x/data/${i - 1}`, data: new Uint8Array(i === 1 ? 8 : 4) }));
  return joined(encodeStoredZip([{ name: 'x/data.pkl', data: damage(chunks[1]!.slice()) }, ...storages]));
}

describe.each([
  ['safetensors', async (damage: Damage) => damage(await safetensors())],
  ['torch archives', async (damage: Damage) => damage(await torchArchive())],
  ['torch archives with a deflated pickle', async (damage: Damage) => damage(await deflatedArchive())],
  ['pickles in intact archives', withDamagedPickle],
] as [string, (damage: Damage) => Promise<Uint8Array>][])('damaged %s', (_, make) => {
  it('are read or refused with a CheckpointError, never anything else', async () => {
    const random = randomIntegers(20_241_123);
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < 1000; round++) {
      const bytes = await make((intact) => damaged(intact, random));
      try {
        const file = await openTensorFile(memorySource('damaged', bytes));
        for (const name of file.tensors.keys()) await readTensor(file, name);
        outcomes.read++;
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        outcomes.refused++;
      }
    }
    expect(outcomes.read).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(100);
  });
});

type Damage = (bytes: Uint8Array) => Uint8Array;

/** One to four bytes changed; in one case of eight also cut. */
function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice();
  const changes = 1 + (random() % 4);
  for (let i = 0; i < changes; i++) copy[random() % copy.length] = random() & 255;
  return random() % 8 === 0 ? copy.subarray(0, random() % copy.length) : copy;
}

describe('a file of 3.4 GB with 1,000 tensors', () => {
  const count = 1000;
  const elements = 859_520;
  const tensorBytes = 4 * elements;

  /**
   * Opens a file made of holes and these parts, and tells how many milliseconds that took: the least of five
   * times, so that other work on the machine does not count.
   */
  async function timeOpening(parts: readonly { at: number; bytes: Uint8Array }[]): Promise<number> {
    const folder = await mkdtemp(join(tmpdir(), 'sparse-'));
    const path = join(folder, 'large');
    const handle = await open(path, 'w');
    for (const { at, bytes } of parts) await handle.write(bytes, 0, bytes.length, at);
    const last = parts.at(-1)!;
    await handle.truncate(Math.max(last.at + last.bytes.length, count * tensorBytes));
    await handle.close();
    const source = await openFileSource(path);
    try {
      expect(source.byteLength).toBeGreaterThan(3.4e9);
      const timesMs: number[] = [];
      for (let round = 0; round < 5; round++) {
        const start = performance.now();
        const file = await openTensorFile(source);
        timesMs.push(performance.now() - start);
        expect(file.tensors.size).toBe(count);
      }
      return Math.min(...timesMs);
    } finally {
      await source.close();
      await rm(folder, { recursive: true });
    }
  }

  const limitMs = 100;

  it('opens at once as safetensors', async () => {
    const unread = () => Promise.reject(new Error('data was asked for'));
    const inputs = Array.from({ length: count }, (_, i) => ({
      name: `down_blocks.${i}.weight`,
      dtype: 'float32' as const,
      shape: [elements],
      data: unread,
    }));
    const { value: header } = await encodeSafetensors(inputs).next();
    const end = { at: header!.length + count * tensorBytes - 1, bytes: new Uint8Array(1) };
    expect(await timeOpening([{ at: 0, bytes: header! }, end])).toBeLessThan(limitMs);
  });

  it('opens at once as a torch archive', async () => {
    const names = Array.from({ length: count }, (_, i) => `down_blocks.${i}.weight`);
    const pickled = largePickle(names, elements);
    const parts: { at: number; bytes: Uint8Array }[] = [];
    const records: Uint8Array[] = [];
    let at = 0;
    const add = (name: string, data: Uint8Array, size: number) => {
      const header = [...encodeStoredZip([{ name, data }])][0]!;
      parts.push({ at, bytes: new Uint8Array(Buffer.concat([header, data])) });
      records.push(
        encodeDirectoryEntry({ name: Buffer.from(name), crc32: crc32(data), size, headerOffset: at }),
      );
      at += header.length + size;
    };
    add('x/data.pkl', pickled, pickled.length);
    for (const index of names.keys()) add(`x/data/${index}`, new Uint8Array(), tensorBytes);
    const directory = Buffer.concat(records);
    const end = encodeDirectoryEnd(records.length, at, directory.length);
    parts.push({ at, bytes: new Uint8Array(Buffer.concat([directory, end])) });
    expect(await timeOpening(parts)).toBeLessThan(limitMs);
  });

  /** The pickle of 1-d float32 tensors, each with a storage of its own. */
  function largePickle(names: readonly string[], length: number): Uint8Array {
    const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
    const integer = (value: number) => `J${Buffer.from(Int32Array.of(value).buffer).toString('latin1')}`;
    const items = names.map(
      (name, key) =>
        `${text(name)}ctorch._utils\n_rebuild_tensor_v2\n((${text('storage')}ctorch\nFloatStorage\n` +
        `${text(String(key))}${text('cpu')}${integer(length)}tQK\0${integer(length)}\x85K\x01\x85\x89)tR`,
    );
    return new Uint8Array(Buffer.from(`\x80\x02}(${items.join('')}u.`, 'latin1'));
  }
});

const reference = '../shared/reference';

describe.skipIf(!existsSync(reference))('reference checkpoints', () => {
  async function withFile<T>(
    path: string,
    use: (file: Awaited<ReturnType<typeof openTensorFile>>) => Promise<T>,
    prefer?: string[],
  ): Promise<T> {
    const source = await openFileSource(`${reference}/${path}`);
    try {
      return await use(await openTensorFile(source, { prefer }));
    } finally {
      await source.close();
    }
  }

  it.each([
    ['tiny-4step/checkpoint/lcm/unet/diffusion_pytorch_model.safetensors', 'float32', 441],
    ['tiny-4step/checkpoint/clip/model.safetensors', 'float16', 24],
    ['tiny-2step/checkpoint/clip/model.safetensors', 'float16', undefined],
    ['tiny-2step/checkpoint/lcm/unet/diffusion_pytorch_model.safetensors', 'float32', undefined],
    ['tiny-4step/checkpoint/interlcm/visual_encoder.pth', 'float32', 90],
    ['tiny-4step/checkpoint/interlcm/spatial_encoder.pth', 'float32', undefined],
    ['tiny-2step/checkpoint/interlcm/visual_encoder.pth', 'float32', undefined],
    ['tiny-2step/checkpoint/interlcm/spatial_encoder.pth', 'float32', 338],
  ] as const)('%s: finite values of %s', async (path, dtype, count) => {
    await withFile(path, async (file) => {
      if (count !== undefined) expect(file.tensors.size).toBe(count);
      for (const entry of file.tensors.values()) {
        expect(entry.dtype).toBe(dtype);
        const { data } = await readTensor(file, entry.name);
        expect(data.every(Number.isFinite)).toBe(true);
      }
    });
  });

  it('takes params_ema, which differs from the deliberately wrong params', async () => {
    const path = 'tiny-4step/checkpoint/interlcm/visual_encoder.pth';
    const read = (prefer?: string[]) =>
      withFile(
        path,
        async (file) => ({
          record: file.metadata['record'],
          weight: await readTensor(file, 'blocks.0.weight'),
        }),
        prefer,
      );
    const chosen = await read();
    const wrong = await read(['params']);
    expect([chosen.record, wrong.record]).toEqual(['params_ema', 'params']);
    expect(chosen.weight.shape).toEqual([128, 5, 3]);
    expect(relativeError(wrong.weight.data, chosen.weight.data)).toBeGreaterThan(0.1);
  });
});
