import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { openZip } from './zip-directory.ts';
import { readZipEntry, requireStored, zipDataOffsets } from './zip-entry.ts';
import { encodeStoredZip, type StoredZipEntry } from './zip-writer.ts';

const largest = 1e6;
const files = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: 'grapheme', maxLength: 30 }),
    data: fc.uint8Array({ maxLength: 300 }),
  }),
  { selector: ({ name }) => name, maxLength: 12 },
);
const encode = (entries: Iterable<StoredZipEntry>) =>
  new Uint8Array(Buffer.concat([...encodeStoredZip(entries)]));

async function readAll(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const archive = await openZip(memorySource('a.zip', bytes));
  const contents = new Map<string, Uint8Array>();
  for (const entry of archive.entries.values())
    contents.set(entry.name, await readZipEntry(archive, entry, largest));
  return contents;
}

/** Reads everything, or says in a `CheckpointError` that the archive cannot be read. */
async function readOrRefuse(bytes: Uint8Array): Promise<Map<string, Uint8Array> | undefined> {
  return readAll(bytes).catch((error: unknown) => {
    if (!(error instanceof CheckpointError)) throw error;
    return undefined;
  });
}

describe('zip archives', () => {
  it('give back what was put in, where the directory says, aligned', () =>
    fc.assert(
      fc.asyncProperty(files, async (entries) => {
        const bytes = encode(entries);
        expect(await readAll(bytes)).toEqual(new Map(entries.map(({ name, data }) => [name, data])));
        const archive = await openZip(memorySource('a.zip', bytes));
        const all = [...archive.entries.values()];
        for (const [entry, offset] of await zipDataOffsets(archive, all)) {
          requireStored(archive, entry);
          expect(offset % 64).toBe(0);
          expect(bytes.subarray(offset, offset + entry.size)).toEqual(
            entries.find(({ name }) => name === entry.name)!.data,
          );
        }
      }),
      { seed: 1, numRuns: 100 },
    ));

  it('that are cut anywhere are refused', () =>
    fc.assert(
      fc.asyncProperty(files, fc.double({ min: 0, max: 0.9999, noNaN: true }), async (entries, share) => {
        const bytes = encode(entries);
        await expect(readAll(bytes.subarray(0, Math.floor(share * bytes.length)))).rejects.toThrow(
          CheckpointError,
        );
      }),
      { seed: 2, numRuns: 150 },
    ));

  it('with changed bytes give no other contents: they are refused, or what changed is not read', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    return fc.assert(
      fc.asyncProperty(files, changes, async (entries, flips) => {
        const bytes = encode(entries);
        for (const [at, flip] of flips) bytes[at % bytes.length]! ^= flip;
        const read = await readOrRefuse(bytes);
        // A name may have changed with its copy; contents are guarded by their checksums.
        for (const data of read?.values() ?? [])
          expect(entries.some((entry) => Buffer.compare(entry.data, data) === 0)).toBe(true);
      }),
      { seed: 3, numRuns: 400 },
    );
  });

  it('of arbitrary bytes, with and without the marks of a zip, are read or refused', () => {
    const mark = fc.constantFrom(
      ...['PK\x03\x04', 'PK\x01\x02', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07'].map((text) =>
        Uint8Array.from(Buffer.from(text, 'latin1')),
      ),
      new Uint8Array(18),
      new Uint8Array(20).fill(255),
    );
    const parts = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), mark), { maxLength: 12 });
    return fc.assert(
      fc.asyncProperty(parts, async (pieces) => {
        await readOrRefuse(new Uint8Array(Buffer.concat(pieces)));
      }),
      { seed: 4, numRuns: 1500 },
    );
  });
});
