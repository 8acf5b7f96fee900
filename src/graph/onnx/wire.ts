/** Fields of protocol buffers, read without their descriptions. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** One field: a whole number, or bytes, which are a text, a message or packed numbers. */
export interface Field {
  readonly number: number;
  readonly integer?: bigint;
  readonly bytes?: Uint8Array;
}

/** The fields of a message in their order; floating-point numbers are passed over. @throws {RangeError} if it is cut off */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.Varint) yield { number, integer: BigInt(reader.int64()) };
    else if (type === WireType.LengthDelimited) yield { number, bytes: reader.bytes() };
    else reader.skip(type, number);
  }
}

/** A text; what is no UTF-8 in it is replaced. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Whole numbers of a repeated field, packed or one by one. */
export function integersOf({ integer, bytes }: Field): bigint[] {
  if (integer !== undefined) return [integer];
  const reader = new BinaryReader(bytes!);
  const values: bigint[] = [];
  while (reader.pos < reader.len) values.push(BigInt(reader.int64()));
  return values;
}
