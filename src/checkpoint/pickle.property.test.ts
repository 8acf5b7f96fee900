import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { parsePickle } from './pickle.ts';
import type { PickleValue } from './pickle-value.ts';
import { openTensorFile, readTensor } from './tensor-file.ts';
import { encodeTorchArchive } from './torch-archive-writer.ts';

/** Values as Python has them; tuples and lists alike are arrays here. */
const { value: values } = fc.letrec<{ value: PickleValue; key: string | number }>((tie) => ({
  // Larger numbers come back as text.
  key: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.integer({ min: -60_000, max: 60_000 })),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 90n }),
    fc.double({ noNaN: true }).filter((x) => !Number.isInteger(x)),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(tie('key'), tie('value')), { maxLength: 4, selector: ([key]) => key })
      .map((pairs) => new Map(pairs)),
  ),
}));

const opcode = (code: string): Buffer => Buffer.from(code, 'latin1');

/** Python's own opcodes of protocol 2 for a value, `wide` choosing among those that mean the same. */
function write(value: PickleValue, wide: boolean): Buffer {
  if (value === null) return opcode('N');
  if (typeof value === 'boolean') return opcode(value ? '\x88' : '\x89');
  if (typeof value === 'string') {
    const utf8 = Buffer.from(value);
    return utf8.length > 255 || wide
      ? Buffer.concat([opcode('X'), Buffer.from(Uint32Array.of(utf8.length).buffer), utf8])
      : Buffer.concat([opcode('\x8c'), Buffer.of(utf8.length), utf8]);
  }
  if (typeof value === 'bigint') {
    const bytes: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 255n));
    return Buffer.concat([opcode('\x8a'), Buffer.of(bytes.length + 1, ...bytes, 0)]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    if (!Number.isInteger(value)) {
      bytes.writeDoubleBE(value);
      return Buffer.concat([opcode('G'), bytes]);
    }
    if (!wide && value >= 0 && value < 256) return Buffer.concat([opcode('K'), Buffer.of(value)]);
    bytes.writeInt32LE(value);
    return Buffer.concat([opcode('J'), bytes.subarray(0, 4)]);
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, wide));
    if (wide) return Buffer.concat([opcode('('), ...items, opcode('t')]);
    return Buffer.concat([opcode(']'), ...items.flatMap((item) => [item, opcode('a')])]);
  }
  if (value instanceof Map) {
    const items = [...value].map(([key, item]) => Buffer.concat([write(key, wide), write(item, wide)]));
    if (wide) return Buffer.concat([opcode('}('), ...items, opcode('u')]);
    return Buffer.concat([opcode('}'), ...items.flatMap((item) => [item, opcode('s')])]);
  }
  throw new TypeError('descriptions of tensors are written by torch');
}

const pickle = (value: PickleValue, wide: boolean) =>
  new Uint8Array(Buffer.concat([Buffer.of(0x80, 2), write(value, wide), opcode('.')]));

/** Parses, or refuses by a `CheckpointError`. */
function parseOrRefuse(bytes: Uint8Array<ArrayBuffer>): PickleValue | undefined {
  try {
    return parsePickle('p.pth', bytes);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return undefined;
  }
}

describe('pickles', () => {
  it('give back the values that were written, by whichever opcodes', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, wide) => {
        expect(parsePickle('p.pth', pickle(value, wide))).toEqual(value);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('that are cut anywhere are refused', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 0.9999, noNaN: true }), (value, share) => {
        const bytes = pickle(value, false);
        expect(() => parsePickle('p.pth', bytes.slice(0, Math.floor(share * bytes.length)))).toThrow(
          CheckpointError,
        );
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('of arbitrary bytes are read or refused', () => {
    // Mostly opcodes that there are, so that parsing gets far.
    const known = [...'()GJKMNQRTUX]abcehijoqrstu}.'].map((text) => text.charCodeAt(0));
    const byte = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...known, 0x85, 0x86, 0x87, 0x88, 0x8a, 0x8c, 0x93, 0x94) },
      { weight: 1, arbitrary: fc.nat({ max: 255 }) },
    );
    const globals = fc.constantFrom(
      ...['ctorch\nFloatStorage\n', 'ctorch._utils\n_rebuild_tensor_v2\n', 'ccollections\nOrderedDict\n'].map(
        (text) => [...Buffer.from(text, 'latin1')],
      ),
    );
    const bytes = fc.array(
      fc.oneof({ weight: 9, arbitrary: byte.map((one) => [one]) }, { weight: 1, arbitrary: globals }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), bytes, (protocol, codes) => {
        parseOrRefuse(Uint8Array.from([0x80, protocol, ...codes.flat(), 0x2e]));
      }),
      { seed: 3, numRuns: 2500 },
    );
  });

  it('with changed bytes are read or refused', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(values, changes, (value, edits) => {
        const bytes = pickle(value, true);
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
        parseOrRefuse(bytes);
      }),
      { seed: 4, numRuns: 1500 },
    );
  });
});

const tensors = fc.uniqueArray(
  fc
    .record({
      name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      shape: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
    })
    .chain(({ name, shape }) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const data = fc.float32Array({ minLength: count, maxLength: count });
      return fc.record({ name: fc.constant(name), shape: fc.constant(shape), data });
    }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 6 },
);

describe('torch archives', () => {
  const encode = (params: Parameters<typeof encodeTorchArchive>[0][string]) =>
    new Uint8Array(Buffer.concat([...encodeTorchArchive({ params })]));

  it('give back every tensor, bit by bit', () =>
    fc.assert(
      fc.asyncProperty(tensors, async (params) => {
        const file = await openTensorFile(memorySource('w.pth', encode(params)));
        expect([...file.tensors.keys()].sort()).toEqual(params.map(({ name }) => name).sort());
        for (const { name, shape, data } of params) {
          const read = await readTensor(file, name);
          expect(read.shape).toEqual(shape);
          expect(new Uint32Array(read.data.buffer, read.data.byteOffset, data.length)).toEqual(
            new Uint32Array(data.buffer, data.byteOffset, data.length),
          );
        }
      }),
      { seed: 5, numRuns: 50 },
    ));

  it('with changed bytes are read or refused', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });
    return fc.assert(
      fc.asyncProperty(tensors, changes, async (params, edits) => {
        const bytes = encode(params);
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
        try {
          const file = await openTensorFile(memorySource('w.pth', bytes));
          for (const name of file.tensors.keys()) await readTensor(file, name);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { seed: 6, numRuns: 200 },
    );
  });
});
