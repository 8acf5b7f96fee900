/** JSON and text files that come with weights: configs, indices of shards, vocabularies. */

import { fileLimits } from '../tensor/file-limits.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';

/** What marks the encoding of a text at its beginning; editors on Windows write them. */
const marks: readonly [bytes: readonly number[], encoding: string][] = [
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/**
 * The parsed content of a JSON file in UTF-8, or in UTF-16 with a byte-order mark.
 * @throws {CheckpointError} if it is too large for what it is, or not JSON
 */
export async function readJsonSource(source: ByteSource): Promise<unknown> {
  const file = source.name;
  const decode = await readEncoded(source, 'a JSON file');
  let value: unknown;
  try {
    value = JSON.parse(decode()) as unknown;
  } catch (cause) {
    throw new CheckpointError('it is not JSON: copy it again from where the weights come from', {
      file,
      cause,
    });
  }
  requireShallow(value, file);
  return value;
}

/**
 * A text file in UTF-8, or in UTF-16 with a byte-order mark, such as a tokenizer's merges.
 * @throws {CheckpointError} if it is too large for what it is, or not text
 */
export async function readTextSource(source: ByteSource): Promise<string> {
  const decode = await readEncoded(source, 'a text file');
  try {
    return decode();
  } catch (cause) {
    throw new CheckpointError('it is not text in UTF-8: copy it again from where the weights come from', {
      file: source.name,
      cause,
    });
  }
}

/** Reads a file; what is returned decodes it, without a byte-order mark. */
async function readEncoded(source: ByteSource, what: string): Promise<() => string> {
  if (source.byteLength > fileLimits.jsonBytes)
    throw new CheckpointError(
      `it has ${source.byteLength} bytes, ${what} of a checkpoint at most ${fileLimits.jsonBytes}: is it the right file?`,
      { file: source.name },
    );
  const bytes = await source.read(0, source.byteLength);
  const [, encoding = 'utf-8'] = marks.find(([mark]) => mark.every((byte, i) => bytes[i] === byte)) ?? [];
  return () => new TextDecoder(encoding, { fatal: true }).decode(bytes);
}

/** @throws {CheckpointError} if the parsed content of a JSON file is nested deeper than any config */
export function requireShallow(value: unknown, file: string): void {
  if (isDeeper(value, fileLimits.jsonDepth))
    throw new CheckpointError(
      `it nests lists and objects more than ${fileLimits.jsonDepth} deep: is it the right file?`,
      { file },
    );
}

/** Level by level: what goes through the value later may call itself. */
function isDeeper(value: unknown, levels: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= levels; depth++) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}
