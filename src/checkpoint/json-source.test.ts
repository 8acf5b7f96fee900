import { expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { readJsonSource } from './json-source.ts';

const read = (bytes: Uint8Array) => readJsonSource(memorySource('config.json', new Uint8Array(bytes)));
const text = '{"sample_size": 96, "name": "ü"}';

it.each([
  ['UTF-8', Buffer.from(text)],
  ['UTF-8 with a byte-order mark', Buffer.from(`\uFEFF${text}`)],
  ['UTF-16 as Windows writes it', Buffer.from(`\uFEFF${text}`, 'utf16le')],
  ['UTF-16, the high byte first', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
])('reads %s', async (_, bytes) => {
  expect(await read(bytes)).toEqual({ sample_size: 96, name: 'ü' });
});

it.each([
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('sample_size: 96')],
  ['bytes that are no text', Buffer.of(0x7b, 0xff, 0x7d)],
  ['an object cut short', Buffer.from(text.slice(0, -1))],
  ['lists without end', Buffer.from('['.repeat(1e6))],
])('refuses %s', async (_, bytes) => {
  await expect(read(bytes)).rejects.toThrow(CheckpointError);
  await expect(read(bytes)).rejects.toThrow('Cannot read config.json: it is not JSON');
});

it('refuses what is too large to be a config', async () => {
  await expect(read(Buffer.alloc(2 ** 24 + 1, ' '))).rejects.toThrow(/16777217 bytes.*at most 16777216/);
});

it('refuses what is nested deeper than any config', async () => {
  const nested = (depth: number) => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  expect(await read(nested(64))).toHaveLength(1);
  for (const depth of [66, 100_000])
    await expect(read(nested(depth))).rejects.toThrow(/more than 64 deep|not JSON/);
  await expect(read(Buffer.from(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`))).rejects.toThrow(
    'more than 64 deep',
  );
});
