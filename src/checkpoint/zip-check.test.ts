import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { findDamagedEntries } from './zip-check.ts';
import { encodeStoredZip } from './zip-writer.ts';

/** Longer than what is read at a time, and then some. */
const long = Uint8Array.from({ length: 9_000_001 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const archive = Buffer.concat([
  ...encodeStoredZip([
    { name: 'a/data.pkl', data: Buffer.from('a pickle') },
    { name: 'a/data/0', data: long },
    { name: 'a/data/1', data: Buffer.alloc(0) },
  ]),
]);

/** The archive with one bit of the long entry's content flipped. */
function flipped(at: number): Uint8Array {
  const bytes = Buffer.from(archive);
  const start = archive.indexOf(long.subarray(0, 64));
  bytes[start + at] = bytes[start + at]! ^ 4;
  return bytes;
}

describe('findDamagedEntries', () => {
  it('finds nothing in what was packed, and tells how far it is', async () => {
    let done = 0;
    const onBytes = (bytes: number) => {
      done += bytes;
    };
    expect(await findDamagedEntries(memorySource('a.pth', archive), { onBytes })).toEqual([]);
    expect(done).toBe(long.length + 'a pickle'.length);
  });

  it.each([0, 4 * 2 ** 20, long.length - 1])('finds a flipped bit of byte %i', async (at) => {
    expect(await findDamagedEntries(memorySource('a.pth', flipped(at)))).toEqual(['a/data/0']);
  });

  it('stops when told to', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(findDamagedEntries(memorySource('a.pth', archive), { signal })).rejects.toThrow('stopped');
  });
});
