import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ByteSource, memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { crc32 } from './crc32.ts';
import { openZip, type ZipArchive } from './zip-directory.ts';
import { readZipEntry, requireStored, zipDataOffsets } from './zip-entry.ts';
import {
  encodeDirectoryEnd,
  encodeDirectoryEntry,
  encodeStoredZip,
  type StoredZipEntry,
} from './zip-writer.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const join = (chunks: Iterable<Uint8Array>) => new Uint8Array(Buffer.concat([...chunks]));
const encode = (...entries: StoredZipEntry[]) => join(encodeStoredZip(entries));
const open = (bytes: Uint8Array) => openZip(memorySource('a.zip', bytes));

/** Fields of the archive's records: the record's mark, where in it the field lies, its bytes. */
const fields = {
  headerMark: ['PK\x03\x04', 0, 4],
  headerFlags: ['PK\x03\x04', 6, 2],
  headerMethod: ['PK\x03\x04', 8, 2],
  headerExtraLength: ['PK\x03\x04', 28, 2],
  flags: ['PK\x01\x02', 8, 2],
  method: ['PK\x01\x02', 10, 2],
  crc32: ['PK\x01\x02', 16, 4],
  compressedSize: ['PK\x01\x02', 20, 4],
  size: ['PK\x01\x02', 24, 4],
  nameLength: ['PK\x01\x02', 28, 2],
  headerOffset: ['PK\x01\x02', 42, 4],
  disk: ['PK\x05\x06', 4, 2],
  count: ['PK\x05\x06', 10, 2],
  directorySize: ['PK\x05\x06', 12, 4],
  directoryOffset: ['PK\x05\x06', 16, 4],
  commentLength: ['PK\x05\x06', 20, 2],
  count64: ['PK\x06\x06', 32, 4],
  directoryOffset64: ['PK\x06\x06', 48, 4],
  end64Offset: ['PK\x06\x07', 8, 4],
} as const;

/** `bytes` with a field of its `nth` record of that kind overwritten. */
function patched(
  bytes: Uint8Array,
  field: keyof typeof fields,
  value: number,
  nth = 0,
): Uint8Array<ArrayBuffer> {
  const [mark, offset, size] = fields[field];
  const copy = Buffer.from(bytes);
  let at = copy.indexOf(mark, 0, 'latin1');
  for (let i = 0; i < nth; i++) at = copy.indexOf(mark, at + 1, 'latin1');
  copy.writeUIntLE(value, at + offset, size);
  return new Uint8Array(copy);
}

/** An archive of one deflated file, whose directory claims `size` bytes. */
function deflatedZip(
  content: Uint8Array,
  size = content.length,
  packed = deflateRawSync(content),
): Uint8Array {
  let bytes = encode({ name: 'f', data: packed });
  bytes = patched(bytes, 'headerMethod', 8);
  bytes = patched(bytes, 'method', 8);
  bytes = patched(bytes, 'crc32', crc32(content));
  return patched(bytes, 'size', size);
}

const two = encode({ name: 'a', data: bytesOf('first') }, { name: 'b/ü', data: bytesOf('second file') });

async function content(archive: ZipArchive, name: string): Promise<string> {
  return new TextDecoder().decode(await readZipEntry(archive, archive.entries.get(name)!, 1e6));
}

async function readAll(bytes: Uint8Array): Promise<void> {
  const archive = await open(bytes);
  for (const entry of archive.entries.values()) await readZipEntry(archive, entry, 1e6);
}

describe('encodeStoredZip', () => {
  it('is read back, every entry aligned to 64 bytes', async () => {
    const archive = await open(two);
    expect([...archive.entries.keys()]).toEqual(['a', 'b/ü']);
    expect(await content(archive, 'a')).toBe('first');
    expect(await content(archive, 'b/ü')).toBe('second file');
    const offsets = await zipDataOffsets(archive, archive.entries.values());
    for (const [entry, offset] of offsets) {
      expect(offset % 64).toBe(0);
      expect(() => requireStored(archive, entry)).not.toThrow();
    }
  });

  it('writes an archive without entries', async () => {
    expect((await open(encode())).entries.size).toBe(0);
  });

  it('counts more than 65,535 entries with zip64', async () => {
    const entries = Array.from({ length: 70_000 }, (_, i) => ({ name: String(i), data: bytesOf(`=${i}`) }));
    const archive = await open(encode(...entries));
    expect(archive.entries.size).toBe(70_000);
    expect(await content(archive, '69999')).toBe('=69999');
  });

  it('refuses a name twice', () => {
    expect(() => encode({ name: 'a', data: bytesOf('') }, { name: 'a', data: bytesOf('') })).toThrow('taken');
  });
});

it('finds entries beyond 4 GiB with zip64', async () => {
  const headerOffset = 5e9;
  const entry = encode({ name: 'far', data: bytesOf('away') });
  const record = { name: bytesOf('far'), crc32: crc32(bytesOf('away')), size: 4, headerOffset };
  const directory = encodeDirectoryEntry(record);
  const directoryOffset = headerOffset + 1000;
  const parts = new Map([
    [headerOffset, entry.slice(0, 200)],
    [directoryOffset, join([directory, encodeDirectoryEnd(1, directoryOffset, directory.length)])],
  ]);
  const archive = await openZip(sparseSource(parts));
  expect(archive.entries.get('far')).toMatchObject({ headerOffset, size: 4 });
  expect(await content(archive, 'far')).toBe('away');
});

/** A source of zeros with some parts filled in, as long as the last part reaches. */
function sparseSource(parts: ReadonlyMap<number, Uint8Array>): ByteSource {
  return {
    name: 'sparse',
    byteLength: Math.max(...[...parts].map(([offset, bytes]) => offset + bytes.length)),
    async read(offset, length) {
      const result = new Uint8Array(length);
      for (const [start, bytes] of parts)
        for (const [i, byte] of bytes.entries())
          if (start + i >= offset && start + i < offset + length) result[start + i - offset] = byte;
      return result;
    },
  };
}

it('reads deflated entries, which cannot be read in place', async () => {
  const text = 'deflate '.repeat(10_000);
  const archive = await open(deflatedZip(bytesOf(text)));
  expect(await content(archive, 'f')).toBe(text);
  expect(() => requireStored(archive, archive.entries.get('f')!)).toThrow(/compressed.*zip -0/);
});

it('finds the directory before a comment', async () => {
  const commented = join([patched(two, 'commentLength', 5).subarray(0, two.length), bytesOf('hello')]);
  expect((await open(commented)).entries.size).toBe(2);
});

const longName = encode({ name: 'n'.repeat(60), data: bytesOf('') });
const bomb = new Uint8Array(50e6);
const hostile: [string, Uint8Array, string][] = [
  ['nothing', new Uint8Array(), 'no end of a zip directory'],
  ['a foreign file', bytesOf('no zip'.repeat(20_000)), 'no end of a zip directory'],
  ['several disks', patched(two, 'disk', 1), 'one part of several'],
  ['a directory beyond the file', patched(two, 'directoryOffset', 1e9), 'does not fit'],
  ['a directory longer than the file', patched(two, 'directorySize', 1e6), 'does not fit'],
  ['a huge directory', patched(two, 'directorySize', 3e9), 'claims 2 entries in 3000000000 bytes'],
  ['more entries than the directory', patched(longName, 'count', 2), 'directory lacks entry 2'],
  ['fewer entries than the directory', patched(two, 'count', 1), 'bytes follow the last directory entry'],
  ['too many entries for the directory', patched(two, 'count', 60_000), 'does not fit'],
  ['a directory at the wrong place', patched(two, 'directoryOffset', 0), 'lacks entry 1'],
  ['a name longer than the directory', patched(two, 'nameLength', 60_000), 'longer than the directory'],
  ['encryption', patched(two, 'flags', 1), 'encrypted'],
  ['an entry larger than its place', patched(two, 'compressedSize', 500), 'overlaps'],
  ['an entry beyond the directory', patched(two, 'headerOffset', 1e6, 1), 'overlaps'],
  ['two entries at one place', patched(two, 'headerOffset', 0, 1), 'overlaps'],
  ['two sizes of a stored entry', patched(two, 'size', 4), 'has 5 bytes, the directory says 4'],
  ['a wrong checksum', patched(two, 'crc32', 1), 'checksum'],
  ['an unknown method', patched(patched(two, 'method', 12), 'headerMethod', 12), 'method 12'],
  ['another method in the header', patched(two, 'headerMethod', 8), 'contradicts the directory'],
  ['an encrypted header', patched(two, 'headerFlags', 1), 'contradicts the directory'],
  ['another name in the header', replaced(two, 'b/ü', 'c/ü'), 'contradicts the directory'],
  ['no header', patched(two, 'headerMark', 0), 'no header'],
  ['an extra field over the next entry', patched(two, 'headerExtraLength', 60), 'overlaps'],
  [
    'a name twice',
    encode({ name: 'a', data: bytesOf('') }, { name: 'b', data: bytesOf('') }).map((byte) =>
      byte === 0x62 ? 0x61 : byte,
    ),
    'twice',
  ],
  [
    'a name that is no UTF-8',
    encode({ name: 'name', data: bytesOf('') }).map((byte) => (byte === 0x6d ? 0xff : byte)),
    'not UTF-8',
  ],
  ['an entry larger than allowed', deflatedZip(new Uint8Array(2e6)), 'at most 1000000 are expected'],
  ['a deflate bomb', deflatedZip(bomb, 1000), 'more than the 1000 bytes'],
  ['deflated data too short', deflatedZip(bytesOf('abc'), 4), 'has 3 bytes, the directory says 4'],
  [
    'deflated data cut short',
    deflatedZip(bytesOf('abc'), 3, deflateRawSync(bytesOf('abc')).subarray(0, 2)),
    'cannot be decompressed',
  ],
  [
    'deflated data that is none',
    deflatedZip(bytesOf('abc'), 3, Buffer.from([0xff, 0xff])),
    'cannot be decompressed',
  ],
];

function replaced(bytes: Uint8Array, text: string, by: string): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.write(by, copy.indexOf(text));
  return new Uint8Array(copy);
}

it.each(hostile)('refuses %s', async (_, bytes, problem) => {
  const start = performance.now();
  const reading = readAll(bytes);
  await expect(reading).rejects.toThrow(CheckpointError);
  await expect(reading).rejects.toThrow(problem);
  expect(performance.now() - start).toBeLessThan(2000);
});

describe('zip64', () => {
  const many = encode(
    ...Array.from({ length: 0xffff }, (_, i) => ({ name: String(i), data: new Uint8Array() })),
  );
  it.each([
    ['an end outside the file', patched(many, 'end64Offset', 3e9), 'outside the file'],
    ['an end at the wrong place', patched(many, 'end64Offset', 0), 'zip64 end is missing'],
    ['too many entries', patched(many, 'count64', 100_001), 'more than 100000'],
    ['ends that contradict each other', patched(many, 'directoryOffset64', 7), 'contradict each other'],
  ] as [string, Uint8Array, string][])('refuses %s', async (_, bytes, problem) => {
    await expect(open(bytes)).rejects.toThrow(problem);
    await expect(open(bytes)).rejects.toThrow(CheckpointError);
  });
});

it('refuses a valid archive cut at any byte', async () => {
  for (let length = 0; length < two.length; length++)
    await expect(open(two.subarray(0, length))).rejects.toThrow(CheckpointError);
});
