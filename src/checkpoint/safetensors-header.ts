/**
 * The JSON header of a safetensors file, read by a parser for just this grammar: no nesting to exhaust, no
 * duplicate that is silently dropped, integers that stay exact.
 */

import { fileLimits } from '../tensor/file-limits.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';

/** One entry as written: nothing but its syntax was checked. */
export interface SafetensorsHeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte and end, counted from the end of the header. */
  readonly range: readonly [number, number];
}

interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsHeaderEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** @throws {CheckpointError} at the first character that does not belong */
export function parseSafetensorsHeader(file: string, text: string): SafetensorsHeader {
  const scanner = new HeaderScanner(file, text);
  const entries = new Map<string, SafetensorsHeaderEntry>();
  let metadata: ReadonlyMap<string, string> | undefined;
  scanner.members((name) => {
    if (name === '__metadata__') {
      if (metadata) scanner.fail('a second "__metadata__"');
      metadata = scanMetadata(scanner);
      return;
    }
    if (entries.has(name)) scanner.fail(`a second tensor ${quoteName(name)}`);
    if (entries.size === fileLimits.tensors) scanner.fail(`more than ${fileLimits.tensors} tensors`);
    entries.set(name, scanEntry(scanner, name));
  });
  scanner.end();
  return { entries, metadata: Object.fromEntries(metadata ?? []) };
}

function scanMetadata(scanner: HeaderScanner): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  scanner.members((key) => {
    if (metadata.has(key)) scanner.fail(`a second metadata entry ${quoteName(key)}`);
    if (metadata.size === fileLimits.metadataEntries)
      scanner.fail(`more than ${fileLimits.metadataEntries} metadata entries`);
    metadata.set(key, scanner.string());
  });
  return metadata;
}

function scanEntry(scanner: HeaderScanner, name: string): SafetensorsHeaderEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.members((field) => {
    if (field === 'dtype' && dtype === undefined) dtype = scanner.string();
    else if (field === 'shape' && !shape) shape = scanner.integers(fileLimits.rank);
    else if (field === 'data_offsets' && !offsets) offsets = scanner.integers(2);
    else scanner.fail(`an unknown or repeated field ${quoteName(field)} in tensor ${quoteName(name)}`);
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || !shape || begin === undefined || end === undefined)
    return scanner.fail(`tensor ${quoteName(name)} lacks its dtype, shape or two data_offsets`);
  return { dtype, shape, range: [begin, end] };
}

/** An integer of at most 16 digits, the length of 2^53 - 1, in the form JSON allows. */
const digits = /(?:0|[1-9]\d{0,15})(?![\d.eE])/y;

class HeaderScanner {
  readonly #file: string;
  readonly #text: string;
  #position = 0;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  fail(problem: string, cause?: unknown): never {
    throw new CheckpointError(`${problem} at character ${this.#position} of its safetensors header`, {
      file: this.#file,
      cause,
    });
  }

  /** An object: calls `read` with each key; `read` takes the value. */
  members(read: (key: string) => void): void {
    this.#take('{');
    if (this.#takeIf('}')) return;
    do {
      const key = this.string();
      this.#take(':');
      read(key);
    } while (this.#takeIf(','));
    this.#take('}');
  }

  string(): string {
    this.#skipSpace();
    const start = this.#position;
    this.#take('"');
    for (;;) {
      const code = this.#text.charCodeAt(this.#position++);
      if (code === 0x22) break;
      if (code === 0x5c) this.#position++;
      if (Number.isNaN(code)) this.fail('an unfinished string');
    }
    try {
      return JSON.parse(this.#text.slice(start, this.#position));
    } catch (cause) {
      return this.fail('a string that is not JSON', cause);
    }
  }

  /** An array of at most `longest` non-negative integers. */
  integers(longest: number): number[] {
    const values: number[] = [];
    this.#take('[');
    if (this.#takeIf(']')) return values;
    do {
      if (values.length === longest) this.fail(`a list longer than ${longest}`);
      values.push(this.#integer());
    } while (this.#takeIf(','));
    this.#take(']');
    return values;
  }

  /** Nothing but space may follow. */
  end(): void {
    this.#skipSpace();
    if (this.#position < this.#text.length) this.fail('text after the end of the object');
  }

  #integer(): number {
    this.#skipSpace();
    digits.lastIndex = this.#position;
    const match = digits.exec(this.#text);
    const value = Number(match?.[0]);
    if (!match || !Number.isSafeInteger(value)) this.fail('no integer from 0 to 2^53 - 1');
    this.#position = digits.lastIndex;
    return value;
  }

  #take(symbol: string): void {
    if (!this.#takeIf(symbol)) this.fail(`no ${symbol}`);
  }

  #takeIf(symbol: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#position] !== symbol) return false;
    this.#position++;
    return true;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#position))) this.#position++;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
