/** Elements of every dtype as float32 values, and back to the floating-point dtypes. Little-endian, as all files are. */

import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../tensor/half.ts';
import { bytesPerElement, type TensorDtype } from './tensor-entry.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** `bytes`, copied where they do not start at a multiple of `size` bytes, as typed arrays need. */
function aligned(bytes: Bytes, size: number): Bytes {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

const decoders: { readonly [D in TensorDtype]: (b: Bytes, count: number) => Float32Array<ArrayBuffer> } = {
  float64: (b, n) => new Float32Array(new Float64Array(b.buffer, b.byteOffset, n)),
  float32: (b, n) => new Float32Array(b.buffer, b.byteOffset, n),
  float16: (b, n) => float16ToFloat32(new Uint16Array(b.buffer, b.byteOffset, n)),
  bfloat16: (b, n) => bfloat16ToFloat32(new Uint16Array(b.buffer, b.byteOffset, n)),
  int64: (b, n) => {
    const integers = new BigInt64Array(b.buffer, b.byteOffset, n);
    const values = new Float32Array(n);
    for (let i = 0; i < n; i++) values[i] = Number(integers[i]);
    return values;
  },
  int32: (b, n) => new Float32Array(new Int32Array(b.buffer, b.byteOffset, n)),
  int16: (b, n) => new Float32Array(new Int16Array(b.buffer, b.byteOffset, n)),
  int8: (b, n) => new Float32Array(new Int8Array(b.buffer, b.byteOffset, n)),
  uint8: (b) => new Float32Array(b),
  bool: (b, n) => {
    const values = new Float32Array(n);
    for (let i = 0; i < n; i++) values[i] = b[i] === 0 ? 0 : 1;
    return values;
  },
};

/**
 * The elements in `bytes` as float32, rounded where float32 cannot hold them. float32 elements share memory with
 * `bytes` where its alignment allows.
 */
export function decodeElements(dtype: TensorDtype, bytes: Bytes): Float32Array<ArrayBuffer> {
  const size = bytesPerElement[dtype];
  return decoders[dtype](aligned(bytes, size), bytes.length / size);
}

/**
 * The bytes of `values` in a floating-point dtype, rounded to nearest even. float32 shares memory with `values`.
 * @throws {TypeError} for dtypes that values cannot be narrowed to
 */
export function encodeElements(dtype: TensorDtype, values: Float32Array): Uint8Array {
  switch (dtype) {
    case 'float32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case 'float16':
      return new Uint8Array(float32ToFloat16(values).buffer);
    case 'bfloat16':
      return new Uint8Array(float32ToBfloat16(values).buffer);
    default:
      throw new TypeError(`Cannot write float32 values as ${dtype}: give the bytes instead`);
  }
}
