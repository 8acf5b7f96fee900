import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import type { TensorDtype, TensorFile } from './tensor-entry.ts';
import { readTensor } from './tensor-file.ts';
import { openTorchArchive } from './torch-archive.ts';
import { encodeTorchArchive, type NamedTensor } from './torch-archive-writer.ts';
import { encodeStoredZip, type StoredZipEntry } from './zip-writer.ts';

const join = (chunks: Iterable<Uint8Array>) => new Uint8Array(Buffer.concat([...chunks]));
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const viewBytes = (array: ArrayBufferView) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const open = (bytes: Uint8Array, prefer?: string[]) => openTorchArchive(memorySource('a.pth', bytes), prefer);

/** An archive as torch.save writes it, of this pickle (protocol and end are added) and these storages. */
function archiveOf(
  pickle: string,
  storages: readonly ArrayBufferView[],
  others: readonly StoredZipEntry[] = [],
): Uint8Array {
  const entries = storages.map((data, key) => ({ name: `x/data/${key}`, data: viewBytes(data) }));
  const pickled = { name: 'x/data.pkl', data: bytesOf(`\x80\x02${pickle}.`) };
  return join(encodeStoredZip([pickled, ...entries, ...others]));
}

/** Opcodes of a text of up to 255 bytes, and of an integer of 32 bits. */
const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
const integer = (value: number) => `J${Buffer.from(Int32Array.of(value).buffer).toString('latin1')}`;
const integers = (values: readonly number[]) => `(${values.map(integer).join('')}t`;

interface View {
  storage?: string;
  key?: string;
  count: number;
  offset?: number;
  shape: readonly number[];
  strides: readonly number[];
}

/** Opcodes of a tensor. */
function tensor({ storage = 'FloatStorage', key = '0', count, offset = 0, shape, strides }: View): string {
  const id = `(${text('storage')}ctorch\n${storage}\n${text(key)}${text('cpu')}${integer(count)}tQ`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${id}${integer(offset)}${integers(shape)}${integers(strides)}\x89)tR`;
}

const dict = (items: Record<string, string>) =>
  `}(${Object.entries(items)
    .map(([key, value]) => text(key) + value)
    .join('')}u`;

const six = Float32Array.of(0, 1, 2, 3, 4, 5);
const whole = tensor({ count: 6, shape: [2, 3], strides: [3, 1] });

async function values(file: TensorFile, name: string): Promise<number[]> {
  return [...(await readTensor(file, name)).data];
}

describe('encodeTorchArchive', () => {
  const tensors: NamedTensor[] = [
    { name: 'a.weight', shape: [2, 3], data: six },
    { name: 'ключ', shape: [], data: Float32Array.of(7) },
    { name: 'none', shape: [0, 3], data: new Float32Array() },
    { name: 'many', shape: [70_000], data: new Float32Array(70_000).fill(3) },
  ];
  const bytes = join(
    encodeTorchArchive({
      params: tensors,
      params_ema: [{ name: 'b', shape: [1], data: Float32Array.of(9) }],
    }),
  );

  it('is read back', async () => {
    const file = await open(bytes, ['params']);
    expect(file.format).toBe('torch');
    expect(file.metadata).toEqual({ record: 'params' });
    expect([...file.tensors.keys()]).toEqual(tensors.map(({ name }) => name));
    for (const { name, shape, data } of tensors)
      expect(await readTensor(file, name)).toEqual({ shape, data });
  });

  it('aligns every storage to 64 bytes, dense, in file order', async () => {
    for (const entry of (await open(bytes, ['params'])).tensors.values()) {
      expect(entry.offset % 64).toBe(0);
      expect(entry.strides).toBeUndefined();
    }
  });

  it('refuses a name twice and data that does not fill its shape', () => {
    const [a] = tensors as [NamedTensor];
    expect(() => join(encodeTorchArchive({ params: [a, a] }))).toThrow('two tensors "a.weight"');
    expect(() => join(encodeTorchArchive({ params: [{ ...a, shape: [5] }] }))).toThrow(RangeError);
  });
});

describe('the dictionary of tensors', () => {
  const one = (value: number) =>
    dict({ w: tensor({ key: String(value), count: 1, shape: [1], strides: [1] }) });
  const storages = [Float32Array.of(10), Float32Array.of(20), Float32Array.of(30)];
  const all = archiveOf(
    dict({ state_dict: one(0), params: one(1), params_ema: one(2), epoch: 'K\x05' }),
    storages,
  );

  it.each([
    ['params_ema before all', all, undefined, 'params_ema', 30],
    [
      'params before state_dict',
      archiveOf(dict({ state_dict: one(0), params: one(1) }), storages),
      undefined,
      'params',
      20,
    ],
    [
      'state_dict',
      archiveOf(dict({ epoch: 'K\x05', state_dict: one(0) }), storages),
      undefined,
      'state_dict',
      10,
    ],
    ['the top', archiveOf(one(0), storages), undefined, undefined, 10],
    ['what is preferred', all, ['model', 'state_dict'], 'state_dict', 10],
    ['the top if nothing preferred is there', archiveOf(one(0), storages), ['model'], undefined, 10],
  ] as [string, Uint8Array, string[] | undefined, string | undefined, number][])(
    'is %s',
    async (_, bytes, prefer, record, value) => {
      const file = await open(bytes, prefer);
      expect(file.metadata['record']).toBe(record);
      expect(await values(file, 'w')).toEqual([value]);
    },
  );

  it('may hold other things than tensors, which are left out', async () => {
    const file = await open(archiveOf(dict({ w: whole, epoch: 'K\x05', name: text('x') }), [six]));
    expect([...file.tensors.keys()]).toEqual(['w']);
  });
});

it('reads views of one storage in place, strided ones row by row', async () => {
  const views = {
    whole: { shape: [2, 3], strides: [3, 1] },
    transposed: { shape: [3, 2], strides: [1, 3] },
    column: { shape: [2], strides: [3], offset: 1 },
    row: { shape: [1, 3], strides: [99, 1], offset: 3 },
    overlapping: { shape: [2, 2], strides: [1, 1], offset: 2 },
    scalar: { shape: [], strides: [], offset: 5 },
    empty: { shape: [0, 2 ** 30], strides: [2 ** 30, 1], offset: 6 },
  };
  const pickled = Object.entries(views).map(([name, view]) => [name, tensor({ count: 6, ...view })]);
  const file = await open(archiveOf(dict(Object.fromEntries(pickled)), [six]));
  expect(await values(file, 'whole')).toEqual([0, 1, 2, 3, 4, 5]);
  expect(await values(file, 'transposed')).toEqual([0, 3, 1, 4, 2, 5]);
  expect(await values(file, 'column')).toEqual([1, 4]);
  expect(await values(file, 'row')).toEqual([3, 4, 5]);
  expect(await values(file, 'overlapping')).toEqual([2, 3, 3, 4]);
  expect(await values(file, 'scalar')).toEqual([5]);
  expect(await values(file, 'empty')).toEqual([]);
  expect(file.tensors.get('whole')!.strides).toBeUndefined();
  expect(file.tensors.get('row')!.strides).toBeUndefined();
  expect(file.tensors.get('transposed')!.strides).toEqual([1, 3]);
  expect(file.tensors.get('column')).toMatchObject({ byteLength: 16, strides: [3] });
});

it.each([
  ['DoubleStorage', 'float64', Float64Array.of(0.5, -2)],
  ['HalfStorage', 'float16', Uint16Array.of(0x3800, 0xc000)],
  ['BFloat16Storage', 'bfloat16', Uint16Array.of(0x3f00, 0xc000)],
  ['LongStorage', 'int64', BigInt64Array.of(5n, -2n)],
  ['IntStorage', 'int32', Int32Array.of(5, -2)],
  ['ShortStorage', 'int16', Int16Array.of(5, -2)],
  ['CharStorage', 'int8', Int8Array.of(5, -2)],
  ['ByteStorage', 'uint8', Uint8Array.of(5, 254)],
  ['BoolStorage', 'bool', Uint8Array.of(1, 0)],
] as [string, TensorDtype, ArrayBufferView][])('reads %s as %s', async (storage, dtype, elements) => {
  const pickled = dict({ w: tensor({ storage, count: 2, shape: [2], strides: [1] }) });
  const file = await open(archiveOf(pickled, [elements]));
  expect(file.tensors.get('w')!.dtype).toBe(dtype);
  const expected = {
    float64: [0.5, -2],
    float16: [0.5, -2],
    bfloat16: [0.5, -2],
    uint8: [5, 254],
    bool: [1, 0],
  };
  expect(await values(file, 'w')).toEqual(expected[dtype as keyof typeof expected] ?? [5, -2]);
});

const view = (changes: Partial<View>) =>
  archiveOf(dict({ w: tensor({ count: 6, shape: [6], strides: [1], ...changes }) }), [six]);
const hostile: [string, Uint8Array, string][] = [
  ['no pickle', join(encodeStoredZip([{ name: 'x/version', data: bytesOf('3') }])), '0 files data.pkl'],
  [
    'two pickles',
    archiveOf(dict({ w: whole }), [six], [{ name: 'y/data.pkl', data: bytesOf('') }]),
    '2 files data.pkl',
  ],
  [
    'a TorchScript program',
    archiveOf(dict({ w: whole }), [six], [{ name: 'x/constants.pkl', data: bytesOf('') }]),
    'TorchScript',
  ],
  [
    'big-endian data',
    archiveOf(dict({ w: whole }), [six], [{ name: 'x/byteorder', data: bytesOf('big') }]),
    '"big"',
  ],
  [
    'a byte order of some length',
    archiveOf(dict({ w: whole }), [six], [{ name: 'x/byteorder', data: new Uint8Array(1e6) }]),
    'at most 64',
  ],
  ['a bare tensor', archiveOf(whole, [six]), 'no dictionary'],
  ['nothing', archiveOf('}', []), 'it has nothing'],
  [
    'no tensors',
    archiveOf(dict({ model: dict({ w: whole }), epoch: 'K\x05' }), [six]),
    'it has "model", "epoch"',
  ],
  [
    'an empty dictionary of tensors',
    archiveOf(dict({ params: '}', w: whole }), [six]),
    '"params" has no tensors',
  ],
  ['os.system', archiveOf(dict({ w: `cos\nsystem\n(${text('echo')}tR` }), [six]), '"os.system"'],
  ['a missing storage', view({ key: '1' }), 'lacks its storage "1"'],
  ['a storage outside its folder', view({ key: '../data.pkl' }), 'lacks its storage'],
  ['a storage larger than its entry', view({ count: 7 }), '7 float32 elements has 24 bytes'],
  ['a storage smaller than its entry', view({ count: 5 }), '5 float32 elements has 24 bytes'],
  ['a storage of another dtype', view({ storage: 'DoubleStorage' }), 'float64 elements has 24 bytes'],
  ['a shape larger than the storage', view({ shape: [7] }), 'does not fit'],
  ['an offset beyond the storage', view({ offset: 1 }), 'does not fit'],
  ['an empty tensor beyond the storage', view({ shape: [0], offset: 7 }), 'does not fit'],
  ['strides beyond the storage', view({ shape: [2], strides: [6] }), 'does not fit'],
  ['an element repeated endlessly', view({ shape: [2 ** 30], strides: [0] }), 'does not fit'],
  ['an endless shape', view({ shape: Array(64).fill(2 ** 30), strides: Array(64).fill(0) }), 'does not fit'],
  ['endless strides', view({ shape: [2, 2], strides: [2 ** 30, 2 ** 30] }), 'does not fit'],
  ['a negative extent', view({ shape: [-6] }), 'do not suit'],
  ['a negative stride', view({ strides: [-1], offset: 5 }), 'do not suit'],
];

it.each(hostile)('refuses %s', async (_, bytes, problem) => {
  const opening = open(bytes);
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(problem);
});

it('names the tensor and the file in its error', async () => {
  await expect(open(view({ offset: 1 }))).rejects.toMatchObject({ file: 'a.pth', key: 'w' });
});

it('does not read tensor data to open', async () => {
  const bytes = archiveOf(dict({ w: tensor({ count: 1e6, shape: [1e6], strides: [1] }) }), [
    new Float32Array(1e6),
  ]);
  const source = memorySource('a.pth', bytes);
  let read = 0;
  await openTorchArchive({
    ...source,
    read(offset, length) {
      read += length;
      return source.read(offset, length);
    },
  });
  expect(read).toBeLessThan(100_000);
});
