import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { openSafetensors } from './safetensors.ts';
import { encodeSafetensors, type SafetensorsInput } from './safetensors-writer.ts';
import type { TensorDtype, TensorFile } from './tensor-entry.ts';
import { readFloat64, readTensor } from './tensor-file.ts';

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: number[] = [];
  for await (const chunk of chunks) parts.push(...chunk);
  return Uint8Array.from(parts);
}

async function encode(tensors: SafetensorsInput[], metadata?: Record<string, string>): Promise<TensorFile> {
  return openSafetensors(memorySource('a.safetensors', await joined(encodeSafetensors(tensors, metadata))));
}

/** A file with this header text, and `dataBytes` zeros. */
function fileOf(header: string | Uint8Array, dataBytes = 0, claimedLength?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const float32 = (name: string, ...values: number[]): SafetensorsInput => ({
  name,
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});

describe('tensors of 8 bits', () => {
  const bytes = (name: string, shape: number[], ...values: number[]): SafetensorsInput => ({
    name,
    dtype: 'int8',
    shape,
    data: new Uint8Array(Int8Array.from(values).buffer),
  });

  it('are multiplied with the scales of their rows', async () => {
    const file = await encode([bytes('w', [2, 3], 1, -2, 3, 127, -127, 0), float32('w_scale', 0.5, 2)]);
    expect([...file.tensors.keys()]).toEqual(['w']);
    expect(await readTensor(file, 'w')).toEqual({
      shape: [2, 3],
      data: Float32Array.of(0.5, -1, 1.5, 254, -254, 0),
    });
    expect([...(await readFloat64(file, 'w')).data]).toEqual([0.5, -1, 1.5, 254, -254, 0]);
  });

  it('are whole numbers without scales, or where what is called so is something else', async () => {
    const file = await encode([bytes('w', [3], 1, -2, 3), float32('w_scale', 0.5, 2), float32('v_scale', 1)]);
    expect([...file.tensors.keys()].sort()).toEqual(['v_scale', 'w', 'w_scale']);
    expect([...(await readTensor(file, 'w')).data]).toEqual([1, -2, 3]);
  });
});

describe('encodeSafetensors', () => {
  it('round-trips names, shapes, values and metadata', async () => {
    const file = await encode(
      [
        { name: 'a', dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
        { name: 'scalar', dtype: 'float32', shape: [], data: Float32Array.of(7) },
        { name: 'none', dtype: 'float32', shape: [0, 4], data: new Float32Array() },
        float32('"ключ"\n\\', 8),
      ],
      { format: 'pt', __proto__x: 'y' },
    );
    expect(file.format).toBe('safetensors');
    expect(file.metadata).toEqual({ format: 'pt', __proto__x: 'y' });
    expect([...file.tensors.keys()]).toEqual(['a', 'scalar', 'none', '"ключ"\n\\']);
    expect(await readTensor(file, 'a')).toEqual({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(await readTensor(file, 'scalar')).toEqual({ shape: [], data: Float32Array.of(7) });
    expect(await readTensor(file, 'none')).toEqual({ shape: [0, 4], data: new Float32Array() });
    expect((await readTensor(file, '"ключ"\n\\')).data).toEqual(Float32Array.of(8));
  });

  it('starts the data at a multiple of 64 and aligns every tensor to its elements', async () => {
    const file = await encode([
      { name: 'bytes', dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) },
      { name: 'half', dtype: 'float16', shape: [1], data: Float32Array.of(1) },
      float32('wide', 1),
    ]);
    expect(file.tensors.get('wide')!.offset % 64).toBe(0);
    expect(file.tensors.get('half')!.offset % 2).toBe(0);
    expect((await readTensor(file, 'bytes')).data).toEqual(Float32Array.of(1, 2, 3));
  });

  it('narrows values to half precision and asks for late data in its turn', async () => {
    const asked: string[] = [];
    const late = (name: string, dtype: TensorDtype): SafetensorsInput => ({
      name,
      dtype,
      shape: [2],
      data: async () => {
        asked.push(name);
        return Float32Array.of(1 / 3, -65504);
      },
    });
    const file = await encode([late('h', 'float16'), late('b', 'bfloat16')]);
    expect(asked).toEqual(['h', 'b']);
    expect((await readTensor(file, 'h')).data).toEqual(Float32Array.of(0.333251953125, -65504));
    expect((await readTensor(file, 'b')).data).toEqual(Float32Array.of(0.333984375, -65536));
  });

  it.each([
    ['a name twice', [float32('a', 1), float32('a', 2)], 'taken'],
    ['a reserved name', [float32('__metadata__', 1)], 'taken'],
    ['too little data', [{ ...float32('a', 1), shape: [2] }], 'its data has 4'],
    ['a negative extent', [{ ...float32('a', 1), shape: [-1] }], 'no shape'],
    ['values as integers', [{ ...float32('a', 1), dtype: 'int32' }], 'give the bytes'],
  ] as [string, SafetensorsInput[], string][])('refuses %s', async (_, tensors, problem) => {
    await expect(joined(encodeSafetensors(tensors))).rejects.toThrow(problem);
  });
});

const littleEndian = (array: ArrayBufferView) => new Uint8Array(array.buffer.slice(0)) as Uint8Array;

it.each([
  ['float64', Float64Array.of(1.5, -2, 0.1), [1.5, -2, Math.fround(0.1)]],
  ['float32', Float32Array.of(1.5, -2, 0.1), [1.5, -2, Math.fround(0.1)]],
  ['float16', Uint16Array.of(0x3e00, 0xc000, 0x7c00), [1.5, -2, Number.POSITIVE_INFINITY]],
  ['bfloat16', Uint16Array.of(0x3fc0, 0xc000, 0x7f80), [1.5, -2, Number.POSITIVE_INFINITY]],
  ['int64', BigInt64Array.of(1n, -2n, 2n ** 40n), [1, -2, 2 ** 40]],
  ['int32', Int32Array.of(1, -2, 2 ** 30), [1, -2, 2 ** 30]],
  ['int16', Int16Array.of(1, -2, 32767), [1, -2, 32767]],
  ['int8', Int8Array.of(1, -2, 127), [1, -2, 127]],
  ['uint8', Uint8Array.of(1, 254, 255), [1, 254, 255]],
  ['bool', Uint8Array.of(1, 0, 255), [1, 0, 1]],
] as [TensorDtype, ArrayBufferView, number[]][])('reads %s as float32', async (dtype, elements, values) => {
  const file = await encode([{ name: 'x', dtype, shape: [3], data: littleEndian(elements) }]);
  expect(file.tensors.get('x')!.dtype).toBe(dtype);
  expect([...(await readTensor(file, 'x')).data]).toEqual(values);
});

it('reads tensors that are not aligned, and headers with space and escapes', async () => {
  const header =
    ' { "\\u0061" :\n{"data_offsets":[1,5],"shape":[1],"dtype":"F32"}, "b":{"dtype":"U8","shape":[],"data_offsets":[0,1]} }  ';
  const bytes = fileOf(header, 5);
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, 2.5, true);
  const file = await openSafetensors(memorySource('x', bytes));
  expect((await readTensor(file, 'a')).data).toEqual(Float32Array.of(2.5));
});

it('treats __proto__ as a name like any other', async () => {
  const header =
    '{"__metadata__":{"__proto__":"m"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  const file = await openSafetensors(memorySource('x', fileOf(header, 1)));
  expect([...file.tensors.keys()]).toEqual(['__proto__']);
  expect(Object.entries(file.metadata)).toEqual([['__proto__', 'm']]);
});

const entry = (fields: string) => `{"a":{${fields}}}`;
const hostile: [string, Uint8Array, string][] = [
  ['no bytes', new Uint8Array(), 'ends within its header length'],
  ['seven bytes', new Uint8Array(7), 'ends within its header length'],
  ['a header of 2^64 - 1 bytes', fileOf('{}', 0, 2n ** 64n - 1n), 'more than 100000000'],
  ['a header of 2^53 bytes', fileOf('{}', 0, 2n ** 53n), 'more than 100000000'],
  ['a header beyond the file', fileOf('{}', 0, 3n), 'the file 10'],
  ['an empty header', fileOf(''), 'no {'],
  ['a header that is no UTF-8', fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), 'not UTF-8'],
  ['a list', fileOf('[]'), 'no {'],
  ['a header cut short', fileOf('{"a":{"dtype":"F32"'), 'no }'],
  ['a string cut short', fileOf('{"a'), 'unfinished string'],
  ['a string cut after a backslash', fileOf('{"a\\'), 'unfinished string'],
  ['a bad escape', fileOf('{"a\\x":1}'), 'not JSON'],
  ['text after the header', fileOf('{}{}'), 'text after the end'],
  ['deep nesting', fileOf(`{"a":${'['.repeat(1e6)}`), 'no {'],
  ['a deeply nested shape', fileOf(entry(`"shape":${'['.repeat(1e6)}`)), 'no integer'],
  ['deeply nested objects', fileOf('{"a":'.repeat(1e5)), 'unknown or repeated field'],
  ['a tensor twice', fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}'), 'second tensor'],
  ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), 'a second "__metadata__"'],
  ['a metadata key twice', fileOf('{"__metadata__":{"a":"1","a":"2"}}'), 'second metadata entry'],
  [
    'metadata without end',
    fileOf(
      JSON.stringify({
        __metadata__: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`note ${i}`, ''])),
      }),
    ),
    'more than 10000 metadata entries',
  ],
  ['metadata that is no text', fileOf('{"__metadata__":{"a":1}}'), 'no "'],
  ['an unknown field', fileOf(entry('"x":1')), 'unknown or repeated field'],
  ['a field twice', fileOf(entry('"dtype":"F32","dtype":"F32"')), 'unknown or repeated field'],
  ['no shape', fileOf(entry('"dtype":"F32","data_offsets":[0,4]'), 4), 'lacks its dtype, shape'],
  ['one offset', fileOf(entry('"dtype":"F32","shape":[1],"data_offsets":[0]'), 4), 'two data_offsets'],
  ['three offsets', fileOf(entry('"dtype":"F32","shape":[1],"data_offsets":[0,4,8]'), 8), 'longer than 2'],
  ['an unknown dtype', fileOf(entry('"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]'), 1), '"F8_E4M3"'],
  ['a negative extent', fileOf(entry('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), 4), 'no integer'],
  ['a fraction', fileOf(entry('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), 4), 'no integer'],
  ['an exponent', fileOf(entry('"dtype":"F32","shape":[1e0],"data_offsets":[0,4]'), 4), 'no integer'],
  [
    'an extent of 2^53',
    fileOf(entry(`"dtype":"F32","shape":[${2 ** 53}],"data_offsets":[0,4]`), 4),
    'no integer',
  ],
  ['an endless number', fileOf(entry(`"shape":[${'9'.repeat(1e6)}`)), 'no integer'],
  [
    'an endless product',
    fileOf(entry(`"dtype":"F32","shape":[${2 ** 52},${2 ** 52}],"data_offsets":[0,4]`), 4),
    'does not fill',
  ],
  [
    'a product of zero that hides a size',
    fileOf(entry(`"dtype":"F32","shape":[${2 ** 52},0],"data_offsets":[0,4]`), 4),
    'does not fill',
  ],
  [
    '65 axes',
    fileOf(entry(`"dtype":"U8","shape":[${'1,'.repeat(64)}1],"data_offsets":[0,1]`), 1),
    'longer than 64',
  ],
  [
    'a shape larger than its bytes',
    fileOf(entry('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), 4),
    'does not fill',
  ],
  [
    'offsets in the wrong order',
    fileOf(entry('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), 4),
    'does not fill',
  ],
  ['data beyond the file', fileOf(entry('"dtype":"F32","shape":[2],"data_offsets":[0,8]'), 7), 'the file at'],
  [
    'overlapping tensors',
    fileOf(
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      8,
    ),
    'overlap',
  ],
];

it.each(hostile)('refuses %s', async (_, bytes, problem) => {
  const opening = openSafetensors(memorySource('bad.safetensors', bytes));
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(problem);
  await expect(opening).rejects.toMatchObject({ file: 'bad.safetensors' });
});

it('refuses a valid file cut at any byte', async () => {
  const whole = await joined(encodeSafetensors([float32('a', 1, 2), float32('b', 3)]));
  for (let length = 0; length < whole.length; length++)
    await expect(openSafetensors(memorySource('cut', whole.subarray(0, length)))).rejects.toThrow(
      CheckpointError,
    );
});

it('refuses more tensors than a network has', async () => {
  const names = Array.from(
    { length: 100_001 },
    (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
  );
  const opening = openSafetensors(memorySource('many', fileOf(`{${names.join(',')}}`)));
  await expect(opening).rejects.toThrow('more than 100000 tensors');
});
