import { describe, expect, it } from 'vitest';
import { CheckpointError } from './checkpoint-error.ts';
import { parseTfjsWeights } from './tfjs-weights.ts';

const group = (...weights: object[]) => [{ paths: ['weights.bin'], weights }];
const read = (weight: object, bytes: number[]): number[] => [
  ...parseTfjsWeights(group({ name: 'w', ...weight }), Uint8Array.from(bytes)).get('w')!.data,
];

describe('weights of TensorFlow.js models', () => {
  it('are read one after another, over groups, wherever they start in memory', () => {
    const buffer = new Uint8Array(1 + 1 + 8);
    buffer[1] = 7;
    new DataView(buffer.buffer).setFloat32(2, 1.5, true);
    new DataView(buffer.buffer).setFloat32(6, -2, true);
    const manifest = [
      ...group({ name: 'a', shape: [], dtype: 'uint8' }),
      ...group({ name: 'b', shape: [1, 2], dtype: 'float32' }),
    ];
    const tensors = parseTfjsWeights(manifest, buffer.subarray(1));
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    expect(tensors.get('a')).toEqual({ shape: [], data: Float32Array.of(7) });
    expect(tensors.get('b')).toEqual({ shape: [1, 2], data: Float32Array.of(1.5, -2) });
  });

  it('are read in every dtype', () => {
    expect(read({ shape: [2], dtype: 'int32' }, [255, 255, 255, 255, 0, 1, 0, 0])).toEqual([-1, 256]);
    expect(read({ shape: [2], dtype: 'bool' }, [0, 1])).toEqual([0, 1]);
  });

  it('are restored from their quantised form: step · scale + min', () => {
    const quantized = (quantization: object, dtype = 'float32') => ({ shape: [2], dtype, quantization });
    const steps = { scale: 0.5, min: -3 };
    expect(read(quantized({ dtype: 'uint8', ...steps }), [0, 255])).toEqual([-3, 124.5]);
    expect(read(quantized({ dtype: 'uint16', ...steps }), [1, 0, 0, 1])).toEqual([-2.5, 125]);
    expect(read(quantized({ dtype: 'float16' }), [0x00, 0x3c, 0x00, 0xc0])).toEqual([1, -2]);
    expect(read(quantized({ dtype: 'uint8', scale: 0.3, min: 0 }, 'int32'), [2, 5])).toEqual([1, 2]);
  });

  const byte = { name: 'w', shape: [2], dtype: 'uint8' };
  it.each<[what: string, manifest: unknown, byteCount: number, message: RegExp]>([
    ['something else', { weights: [] }, 0, /Cannot read faces: no weight manifest/],
    ['a dtype it does not know', group({ ...byte, dtype: 'string' }), 2, /no weight manifest/],
    ['a negative extent', group({ ...byte, shape: [-1] }), 2, /no weight manifest/],
    ['too few bytes', group(byte), 1, /tensor "w", at byte 0: it needs 2 bytes, 1 are left/],
    ['too many bytes', group(byte), 3, /at byte 2: 1 bytes follow the last tensor/],
    ['a name twice', group(byte, byte), 4, /the manifest names it twice/],
    ['a size beyond counting', group({ ...byte, shape: [2 ** 40, 2 ** 40] }), 2, /needs Infinity bytes/],
  ])('are refused with %s', (_, manifest, byteCount, message) => {
    const parse = () => parseTfjsWeights(manifest, new Uint8Array(byteCount), 'faces');
    expect(parse).toThrow(CheckpointError);
    expect(parse).toThrow(message);
  });
});
