/** Safetensors files as a stream of bytes. */

import { elementCount, formatShape } from '../tensor/host-tensor.ts';
import { byteChunks } from './byte-chunks.ts';
import { quoteName } from './checkpoint-error.ts';
import { safetensorsDtypes } from './safetensors.ts';
import { encodeElements } from './tensor-elements.ts';
import { bytesPerElement, isCount, type TensorDtype } from './tensor-entry.ts';

/** The data starts at a multiple of this many bytes. */
const dataAlignment = 64;

/** A tensor's elements: values (narrowed to the dtype as needed), or the bytes of the dtype. */
export type TensorData = Float32Array | Uint8Array;

/** A tensor to be written. Data given as a function is asked for when its turn comes, and not kept. */
export interface SafetensorsInput {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly data: TensorData | (() => Promise<TensorData>);
}

/**
 * The chunks of a safetensors file: first the header, then the data of one tensor after another, wide elements first
 * so that every tensor is aligned to its elements. The first tensor's data starts at a multiple of 64 bytes. A chunk of
 * data has at most 64 MiB and may share memory with what was given.
 * @throws {RangeError} for a name twice, a reserved name, or data that does not fill its shape
 */
export async function* encodeSafetensors(
  tensors: Iterable<SafetensorsInput>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const inOrder = [...tensors].sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype]);
  yield encodeHeader(inOrder, metadata);
  for (const tensor of inOrder) {
    const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
    const bytes = data instanceof Float32Array ? encodeElements(tensor.dtype, data) : data;
    if (bytes.length !== byteLengthOf(tensor))
      throw new RangeError(
        `Cannot write tensor ${quoteName(tensor.name)}: shape ${formatShape(tensor.shape)} of ${tensor.dtype} ` +
          `takes ${byteLengthOf(tensor)} bytes, its data has ${bytes.length}`,
      );
    yield* byteChunks(bytes);
  }
}

function byteLengthOf({ dtype, shape }: SafetensorsInput): number {
  return elementCount(shape) * bytesPerElement[dtype];
}

/** The length and the JSON header, padded with spaces. */
function encodeHeader(
  tensors: readonly SafetensorsInput[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set('__metadata__', metadata);
  let end = 0;
  for (const tensor of tensors) {
    if (header.has(tensor.name) || tensor.name === '__metadata__')
      throw new RangeError(`Cannot write tensor ${quoteName(tensor.name)}: the name is taken`);
    if (!tensor.shape.every(isCount))
      throw new RangeError(
        `Cannot write tensor ${quoteName(tensor.name)}: ${formatShape(tensor.shape)} is no shape`,
      );
    const begin = end;
    end += byteLengthOf(tensor);
    header.set(tensor.name, {
      dtype: safetensorsDtypes.get(tensor.dtype),
      shape: tensor.shape,
      data_offsets: [begin, end],
    });
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const dataStart = Math.ceil((8 + json.length) / dataAlignment) * dataAlignment;
  const bytes = new Uint8Array(dataStart).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  bytes.set(json, 8);
  return bytes;
}
