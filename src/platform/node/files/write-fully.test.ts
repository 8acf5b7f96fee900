import { expect, it } from 'vitest';
import { writeFully } from './write-fully.ts';

/** A file on a system that takes at most so many bytes at a time, until it is full. */
function stingyFile(most: number, capacity: number) {
  const kept = new Uint8Array(capacity);
  return {
    kept,
    async write(bytes: Uint8Array, offset: number, length: number, position: number) {
      const bytesWritten = Math.max(0, Math.min(length, most, capacity - position));
      kept.set(bytes.subarray(offset, offset + bytesWritten), position);
      return { bytesWritten, buffer: bytes };
    },
  };
}

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i + 1);

it('writes what the system takes in pieces', async () => {
  const file = stingyFile(7, 110);
  await writeFully(file as never, bytes, 10);
  expect([...file.kept]).toEqual([...new Uint8Array(10), ...bytes]);
});

it('fails where the system takes no more', async () => {
  await expect(writeFully(stingyFile(64, 99) as never, bytes, 0)).rejects.toMatchObject({ code: 'ENOSPC' });
});
