/** Reads the operands of pickle opcodes one after the other, never past the end. */

import { CheckpointError } from './checkpoint-error.ts';

export class PickleCursor {
  readonly #file: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #position = 0;
  #opcodeAt = 0;

  /** @param position of the first opcode */
  constructor(file: string, bytes: Uint8Array<ArrayBuffer>, position = 0) {
    this.#file = file;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = position;
  }

  /** Of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** An error that tells where the current opcode is. */
  error(problem: string, cause?: unknown): CheckpointError {
    const detail = `${problem} (byte ${this.#opcodeAt} of its pickle); nothing was run`;
    return new CheckpointError(detail, { file: this.#file, cause });
  }

  opcode(): number {
    this.#opcodeAt = this.#position;
    return this.uint8();
  }

  skip(length: number): void {
    this.#take(length);
  }

  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** Beyond 2^53 rounded, which is more than any pickle has bytes. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** Unlike everything else in a pickle, big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** A two's complement integer of `length` bytes. */
  integer(length: number): number | bigint {
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]!);
    const signed = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  text(length: number): string {
    const start = this.#take(length);
    try {
      return this.#utf8.decode(this.#bytes.subarray(start, this.#position));
    } catch (cause) {
      throw this.error('a string is not UTF-8', cause);
    }
  }

  /** As they are in the pickle, not copied. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#position);
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end < 0) throw this.error('it ends in the middle');
    const text = this.text(end - this.#position);
    this.#position++;
    return text;
  }

  /** Advances over `length` bytes and returns where they start. */
  #take(length: number): number {
    const start = this.#position;
    if (length > this.#bytes.length - start) throw this.error('it ends in the middle');
    this.#position = start + length;
    return start;
  }
}
