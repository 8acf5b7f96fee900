/** Values of other types than float32, for models from elsewhere. */
import type { OnnxType } from '../graph/onnx/emit-model.ts';
import { float16ToFloat32, float32ToFloat16 } from '../tensor/half.ts';

/** Arrays as ONNX Runtime has them; of float16 the bits. */
export type TypedValues = Float32Array | Float64Array | Uint16Array | Uint8Array | Int32Array | BigInt64Array;

/** Values as a type; rounded and bounded where it holds whole numbers only. */
export function toTyped(values: Float32Array, type: OnnxType): TypedValues {
  switch (type) {
    case 'float32':
      return values;
    case 'float64':
      return Float64Array.from(values);
    case 'float16':
      return float32ToFloat16(values);
    case 'uint8':
      return new Uint8Array(Uint8ClampedArray.from(values).buffer);
    case 'int32':
      return Int32Array.from(values, Math.round);
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(Math.round(value)));
  }
}

/** Values of any type as float32; of float16 where the platform has no array of it too. */
export function fromTyped(values: TypedValues): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof Uint16Array) return float16ToFloat32(values);
  if (values instanceof BigInt64Array) return Float32Array.from(values, Number);
  return Float32Array.from(values);
}
