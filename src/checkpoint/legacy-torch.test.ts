import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { openTensorFile, readTensor } from './tensor-file.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
const pickle = (opcodes: string) => latin1(`\x80\x02${opcodes}.`);

const mark = pickle('\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19');
const version = pickle('M\xe9\x03');
const machine = (littleEndian = '\x88') => pickle(`}${text('little_endian')}${littleEndian}s`);
const keyList = (keys: readonly string[]) => pickle(`](${keys.map(text).join('')}e`);

/** An element count and float32 elements. */
const storage = (...values: number[]) =>
  Buffer.concat([
    Buffer.from(BigInt64Array.of(BigInt(values.length)).buffer),
    Buffer.from(Float32Array.from(values).buffer),
  ]);

/** Opcodes of a tensor of `shape` over the whole of a storage. */
function tensor(key: string, shape: readonly number[], { rebuild = '_rebuild_tensor_v2', view = 'N' } = {}) {
  const count = shape.reduce((a, b) => a * b, 1);
  const byte = (n: number) => `K${String.fromCharCode(n)}`;
  const id = `(${text('storage')}ctorch\nFloatStorage\n${text(key)}${text('cpu')}${byte(count)}${view}tQ`;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const tuple = (numbers: readonly number[]) => `(${numbers.map(byte).join('')}t`;
  const rest = rebuild.endsWith('v2') ? '\x89)' : '';
  return `ctorch._utils\n${rebuild}\n(${id}K\0${tuple(shape)}${tuple(strides)}${rest}tR`;
}

/** Two tensors over the whole of one storage, which each takes for as large as itself. */
const named = (key: string, first: readonly number[], second: readonly number[]) =>
  `}(${text('w')}${tensor(key, first)}${text('b')}${tensor(key, second)}u`;
const weights = `}(${text('w')}${tensor('20', [2, 2])}${text('b')}${tensor('10', [1])}u`;
const storages = [storage(5), storage(1, 2, 3, 4)];
const keys = keyList(['10', '20']);
const fileOf = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const whole = fileOf(mark, version, machine(), pickle(weights), keys, ...storages);

const open = (bytes: Uint8Array) => openTensorFile(memorySource('old.pth', bytes));
async function values(bytes: Uint8Array, name: string): Promise<number[]> {
  return [...(await readTensor(await open(bytes), name)).data];
}

describe('checkpoints from before PyTorch 1.6', () => {
  it('are read', async () => {
    const file = await open(whole);
    expect(file.format).toBe('torch');
    expect(file.tensors.get('w')?.shape).toEqual([2, 2]);
    expect(await values(whole, 'w')).toEqual([1, 2, 3, 4]);
    expect(await values(whole, 'b')).toEqual([5]);
  });

  it('are read as Python 2 wrote them: byte strings, a dictionary of pairs, the first way to rebuild', async () => {
    const pair = `U\x01w${tensor('0', [2], { rebuild: '_rebuild_tensor' })}\x86`;
    const saved = pickle(`ccollections\nOrderedDict\n](${pair}e\x85R`);
    const keys = pickle('](U\x010e');
    expect(await values(fileOf(mark, version, machine(), saved, keys, storage(7, 8)), 'w')).toEqual([7, 8]);
  });

  it('are read when the pickles are long', async () => {
    const note = Buffer.from('x'.repeat(3 << 20));
    const saved = Buffer.concat([
      latin1(`\x80\x02}(${text('note')}X`),
      Buffer.from(Uint32Array.of(note.length).buffer),
      note,
      latin1(`${text('w')}${tensor('0', [1])}u.`),
    ]);
    const bytes = fileOf(mark, version, machine(), saved, keyList(['0']), storage(9));
    expect(await values(bytes, 'w')).toEqual([9]);
  });

  const withView = pickle(`}${text('w')}${tensor('0', [1], { view: `(${text('0')}K\0K\x01t` })}s`);
  it.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ['another version', fileOf(mark, pickle('M\xea\x03'), machine()), /its version is 1002, not 1001/],
    [
      'text as its version',
      fileOf(mark, pickle(text('1001')), machine()),
      /its version is no number, not 1001/,
    ],
    [
      'lists of lists as its version, endless as text',
      fileOf(
        mark,
        pickle(
          `]q\0${Array.from({ length: 200 }, (_, i) => `(${`h${String.fromCharCode(i)}`.repeat(9)}tq${String.fromCharCode(i + 1)}`).join('')}`,
        ),
        machine(),
      ),
      /its version is no number, not 1001/,
    ],
    [
      'a storage that two tensors name, the longer first',
      fileOf(
        mark,
        version,
        machine(),
        pickle(named('20', [2, 2], [2])),
        keyList(['20']),
        storage(1, 2, 3, 4),
      ),
      /its storage "20" as 4 float32 elements and again as 2 float32/,
    ],
    [
      'a storage that two tensors name, the shorter first',
      fileOf(mark, version, machine(), pickle(named('20', [2], [2, 2])), keyList(['20']), storage(1, 2)),
      /its storage "20" as 2 float32 elements and again as 4 float32/,
    ],
    ['big-endian numbers', fileOf(mark, version, machine('\x89'), pickle(weights), keys), /little-endian/],
    ['no list of storages', fileOf(mark, version, machine(), pickle(weights), pickle('N')), /does not list/],
    [
      'a storage that is not listed',
      fileOf(mark, version, machine(), pickle(weights), keyList(['10']), ...storages),
      /lacks a storage/,
    ],
    [
      'a storage listed twice',
      fileOf(mark, version, machine(), pickle(weights), keyList(['10', '10', '20']), ...storages),
      /lists a storage twice/,
    ],
    [
      'a storage of another length',
      fileOf(mark, version, machine(), pickle(weights), keys, storage(5), storage(1, 2, 3, 4, 5)).subarray(
        0,
        -4,
      ),
      /has 5 elements, its tensors expect 4/,
    ],
    ['its end missing', whole.subarray(0, -1), /ends within a storage/],
    [
      'views of storages',
      fileOf(mark, version, machine(), withView, keyList(['0']), storage(1)),
      /no storage of a supported dtype/,
    ],
    [
      'code',
      fileOf(mark, version, machine(), pickle(`cos\nsystem\n(${text('ls')}tR`), keyList([])),
      /"os\.system"/,
    ],
  ])('are refused with %s', async (_, bytes, message) => {
    await expect(open(bytes)).rejects.toThrow(CheckpointError);
    await expect(open(bytes)).rejects.toThrow(message);
  });

  it('are read or refused with a CheckpointError when damaged, never anything else', async () => {
    let refused = 0;
    for (let at = 0; at < whole.length; at++)
      for (const change of [1, 0x80, 0xff]) {
        const bytes = whole.slice();
        bytes[at]! ^= change;
        try {
          for (const name of (await open(bytes)).tensors.keys()) await values(bytes, name);
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          refused++;
        }
      }
    expect(refused).toBeGreaterThan(whole.length);
  });
});
