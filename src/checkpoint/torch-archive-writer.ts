/** PyTorch checkpoints as a stream of bytes that torch.load reads, also with weights_only=True. */

import { elementCount, formatShape } from '../tensor/host-tensor.ts';
import { quoteName } from './checkpoint-error.ts';
import { encodeElements } from './tensor-elements.ts';
import { encodeStoredZip, type StoredZipEntry } from './zip-writer.ts';

/** The folder within the archive; PyTorch takes any name. */
const root = 'archive';

/** A tensor to be written, row-major. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The chunks of a torch archive: a dictionary of dictionaries of float32 tensors, such as
 * `{ params, params_ema }`. Chunks share memory with the tensors.
 * @throws {RangeError} for a name twice, or data that does not fill its shape
 */
export function* encodeTorchArchive(
  records: Readonly<Record<string, Iterable<NamedTensor>>>,
): Generator<Uint8Array, void, undefined> {
  const named = Object.entries(records).map(([name, tensors]) => ({ name, tensors: [...tensors] }));
  for (const { name, tensors } of named) checkTensors(name, tensors);
  const pickle = new PickleWriter();
  pickle.dict(named, ({ name, tensors }) => {
    pickle.text(name);
    pickle.orderedDict(tensors, (tensor) => {
      pickle.text(tensor.name);
      pickle.tensor(tensor);
    });
  });
  yield* encodeStoredZip(
    archiveEntries(
      pickle.finish(),
      named.flatMap(({ tensors }) => tensors),
    ),
  );
}

function checkTensors(record: string, tensors: readonly NamedTensor[]): void {
  const names = new Set<string>();
  for (const { name, shape, data } of tensors) {
    if (names.has(name))
      throw new RangeError(`Cannot write ${quoteName(record)}: it has two tensors ${quoteName(name)}`);
    names.add(name);
    if (elementCount(shape) !== data.length)
      throw new RangeError(
        `Cannot write tensor ${quoteName(name)} of ${quoteName(record)}: shape ${formatShape(shape)} has ` +
          `${elementCount(shape)} elements, its data ${data.length}`,
      );
  }
}

function* archiveEntries(pickle: Uint8Array, tensors: readonly NamedTensor[]): Generator<StoredZipEntry> {
  const text = new TextEncoder();
  yield { name: `${root}/data.pkl`, data: pickle };
  yield { name: `${root}/byteorder`, data: text.encode('little') };
  for (const [key, { data }] of tensors.entries())
    yield { name: `${root}/data/${key}`, data: encodeElements('float32', data) };
  yield { name: `${root}/version`, data: text.encode('3\n') };
}

/** Writes the opcodes of protocol 2; storages are numbered in the order in which tensors come. */
class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];
  #storages = 0;

  finish(): Uint8Array {
    this.#put('.');
    return Uint8Array.from(this.#bytes);
  }

  /** `item` writes a key and a value. */
  dict<T>(items: readonly T[], item: (value: T) => void): void {
    this.#put('}(');
    for (const value of items) item(value);
    this.#put('u');
  }

  orderedDict<T>(items: readonly T[], item: (value: T) => void): void {
    this.#put('ccollections\nOrderedDict\n)R(');
    for (const value of items) item(value);
    this.#put('u');
  }

  text(value: string): void {
    const utf8 = new TextEncoder().encode(value);
    this.#put('X');
    this.#uint32(utf8.length);
    for (const byte of utf8) this.#bytes.push(byte);
  }

  /** `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())` */
  tensor({ shape, data }: NamedTensor): void {
    this.#put('ctorch._utils\n_rebuild_tensor_v2\n((');
    this.text('storage');
    this.#put('ctorch\nFloatStorage\n');
    this.text(String(this.#storages++));
    this.text('cpu');
    this.#integer(data.length);
    this.#put('tQ');
    this.#integer(0);
    this.#integers(shape);
    this.#integers(rowMajorStrides(shape));
    this.#put('\x89ccollections\nOrderedDict\n)RtR');
  }

  #integers(values: readonly number[]): void {
    this.#put('(');
    for (const value of values) this.#integer(value);
    this.#put('t');
  }

  /** BININT: 32 bits with sign, which no tensor that fits in one array exceeds. */
  #integer(value: number): void {
    this.#put('J');
    this.#uint32(value);
  }

  #uint32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#bytes.push((value >>> shift) & 255);
  }

  /** Opcodes and their text operands, one byte for each character. */
  #put(latin1: string): void {
    for (let i = 0; i < latin1.length; i++) this.#bytes.push(latin1.charCodeAt(i));
  }
}

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const extent of shape.toReversed()) {
    strides.unshift(stride);
    stride *= Math.max(extent, 1);
  }
  return strides;
}
