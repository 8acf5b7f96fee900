import { describe, expect, it } from 'vitest';
import { CheckpointError } from './checkpoint-error.ts';
import { parsePickle } from './pickle.ts';

/** A pickle of protocol 2 with these opcodes; text is one byte for each character. */
function pickle(...opcodes: (string | number | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const parts = opcodes.map((part) =>
    typeof part === 'number'
      ? Buffer.of(part)
      : typeof part === 'string'
        ? Buffer.from(part, 'latin1')
        : part,
  );
  return new Uint8Array(Buffer.concat([Buffer.of(0x80, 2), ...parts]));
}

const parse = (...opcodes: (string | number | Uint8Array)[]) => parsePickle('p.pth', pickle(...opcodes));
const text = (value: string) => {
  const utf8 = Buffer.from(value);
  return Buffer.concat([Buffer.from('X'), Buffer.from(Uint32Array.of(utf8.length).buffer), utf8]);
};
const float64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};

const storage = ['(', text('storage'), 'ctorch\nFloatStorage\n', text('0'), text('cpu'), 'K\x06tQ'];
const rebuild = 'ctorch._utils\n_rebuild_tensor_v2\n';
const tensor = [rebuild, '(', ...storage, 'K\x00', 'K\x02K\x03\x86', 'K\x03K\x01\x86', '\x89)tR'];
const description = {
  kind: 'tensor',
  storage: { kind: 'storage', dtype: 'float32', key: '0', count: 6 },
  storageOffset: 0,
  shape: [2, 3],
  strides: [3, 1],
};

describe('plain values', () => {
  it.each([
    ['None', ['N.'], null],
    ['True', ['\x88.'], true],
    ['False', ['\x89.'], false],
    ['BININT1', ['K\xff.'], 255],
    ['BININT2', ['M\xff\xff.'], 65535],
    ['BININT', ['J\xfe\xff\xff\xff.'], -2],
    ['LONG1', ['\x8a\x02\x00\x80.'], -32768],
    ['LONG1 of no bytes', ['\x8a\x00.'], 0],
    ['LONG1 beyond 2^53', ['\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.'], 2n ** 64n],
    ['BINFLOAT', ['G', float64(0.1), '.'], 0.1],
    ['BINUNICODE', [text('żółć'), '.'], 'żółć'],
    ['SHORT_BINUNICODE', ['\x8c\x02hi.'], 'hi'],
    ['BINUNICODE8', ['\x8d\x02\0\0\0\0\0\0\0hi.'], 'hi'],
    ['bytes', ['C\x02\x01\xff.'], { kind: 'bytes', data: Uint8Array.of(1, 255) }],
    ['lists', [']K\x01a(K\x02K\x03e.'], [1, 2, 3]],
    ['tuples', ['(K\x01)K\x02\x85K\x03K\x04\x86t.'], [1, [], [2], [3, 4]]],
    ['TUPLE3', ['K\x01K\x02K\x03\x87.'], [1, 2, 3]],
    [
      'dictionaries',
      ['}K\x01Ns(', text('a'), '\x88', text('b'), '\x89u.'],
      new Map<unknown, unknown>([
        [1, null],
        ['a', true],
        ['b', false],
      ]),
    ],
    [
      'OrderedDict and its attributes',
      ['ccollections\nOrderedDict\n)R(', text('a'), 'K\x01u}', text('_metadata'), '}sb.'],
      new Map([['a', 1]]),
    ],
    ['torch.Size', ['ctorch\nSize\n(K\x01K\x02t\x85R.'], [1, 2]],
    ['the memo', [']q\x05r\x00\x01\x00\x00K\x01ah\x05j\x00\x01\x00\x00\x86.'], [[1], [1]]],
    [
      'protocol 4',
      ['\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R\x94h\x00.'],
      new Map(),
    ],
  ] as [string, (string | Uint8Array)[], unknown][])('%s', (_, opcodes, value) => {
    expect(parse(...opcodes)).toEqual(value);
  });

  it('tells numbers apart as keys, however large', () => {
    const keys = [1, -1, 65_535, 65_536, 0.5].map((key) => ['G', float64(key), 'N']);
    expect([...(parse('}(', ...keys.flat(), 'u.') as Map<unknown, unknown>).keys()]).toEqual([
      1,
      -1,
      65_535,
      '#65536',
      '#0.5',
    ]);
  });

  it('keeps __proto__ as a key like any other', () => {
    const value = parse('}', text('__proto__'), '}', text('polluted'), '\x88ss.');
    expect(value).toEqual(new Map([['__proto__', new Map([['polluted', true]])]]));
    expect('polluted' in {}).toBe(false);
  });
});

describe('tensors', () => {
  it('are described, not built', () => {
    expect(parse(...tensor, '.')).toEqual(description);
  });

  it('may be parameters', () => {
    expect(parse('ctorch._utils\n_rebuild_parameter\n(', ...tensor, '\x88)tR.')).toEqual(description);
  });

  it('keep their shape when the list it came from grows', () => {
    const shape = ']q\x00K\x06a';
    const value = parse(
      '(',
      rebuild,
      '(',
      ...storage,
      'K\x00',
      shape,
      'K\x01\x85',
      '\x89)tR',
      'h\x00K\x07at.',
    );
    expect(value).toEqual([{ ...description, shape: [6], strides: [1] }, [6, 7]]);
  });
});

const os = 'cos\nsystem\n';
/** A list of pairs, as Python 2 wrote ordered dictionaries. */
const pairs = (count: number) => [
  '](',
  ...Array.from({ length: count }, (_, i) => [text(`k${i}`), 'N\x86']).flat(),
  'e',
];
const hostile: [string, Uint8Array<ArrayBuffer>, string][] = [
  ['no bytes', new Uint8Array(), 'ends in the middle'],
  ['text', new Uint8Array(Buffer.from('hello')), 'not a pickle of protocol'],
  ['protocol 0', new Uint8Array(Buffer.from('(lp0\n.')), 'not a pickle of protocol'],
  ['protocol 6', new Uint8Array([0x80, 6, 0x4e, 0x2e]), 'not a pickle of protocol'],
  ['no end', pickle('N'), 'ends in the middle'],
  ['no value', pickle('.'), 'value is missing'],
  ['GLOBAL os.system with REDUCE', pickle(os, '(', text('echo'), 'tR.'), 'asks for "os.system"'],
  ['STACK_GLOBAL os.system', pickle('\x8c\x02os\x8c\x06system\x93.'), 'asks for "os.system"'],
  ['STACK_GLOBAL without names', pickle('NN\x93.'), 'no name'],
  ['INST', pickle('(', text('echo'), 'ios\nsystem\n.'), 'asks for "os.system"'],
  ['OBJ', pickle('(', 'ccollections\nOrderedDict\n', 'o.'), 'an object of a class'],
  ['NEWOBJ', pickle('ccollections\nOrderedDict\n)\x81.'), 'an object of a class'],
  ['NEWOBJ_EX', pickle('ccollections\nOrderedDict\n)}\x92.'), 'an object of a class'],
  ['eval', pickle('cbuiltins\neval\n.'), '"builtins.eval"'],
  ['a name like a known one', pickle('ctorch\nFloatStorage2\n.'), '"torch.FloatStorage2"'],
  ['a name from the prototype', pickle('c__proto__\nconstructor\n.'), '"__proto__.constructor"'],
  ['a dotted name', pickle('ctorch._utils\n_rebuild_tensor_v2.__globals__\n.'), '__globals__'],
  ['a global without end', pickle('cos\nsystem'), 'ends in the middle'],
  ['an extension', pickle('\x82\x01.'), 'opcode 0x82'],
  ['a text persistent id', pickle('P0\n.'), 'opcode 0x50'],
  ['an unknown opcode', pickle('\xff.'), 'opcode 0xff'],
  ['REDUCE of a value', pickle('N)R.'), 'no known global'],
  ['REDUCE of a storage', pickle('ctorch\nFloatStorage\n)R.'), 'calls torch.FloatStorage'],
  ['REDUCE without a tuple', pickle('ccollections\nOrderedDict\nNR.'), 'no known global'],
  ['OrderedDict of arguments', pickle('ccollections\nOrderedDict\n', os, '\x85R.'), '"os.system"'],
  ['BUILD of a list', pickle(']}b.'), 'attributes of what is no dictionary'],
  ['BUILD of a tensor', pickle(...tensor, '}b.'), 'attributes of what is no dictionary'],
  ['SETITEM of a list', pickle(']NNs.'), 'what is no dictionary'],
  ['SETITEMS of an odd number', pickle('}(Nu.'), 'a key has no value'],
  ['a list as a key', pickle('}]Ns.'), 'neither text nor number'],
  ['APPEND to a dictionary', pickle('}Na.'), 'what is no list'],
  ['values from before a mark', pickle('NN(\x86.'), 'value is missing'],
  ['TUPLE without a mark', pickle('Nt.'), 'mark is missing'],
  ['an unknown memo index', pickle('h\x00.'), 'memorised value 0 is missing'],
  ['a memo of nothing', pickle('q\x00.'), 'value is missing'],
  ['text longer than the pickle', pickle('X\xff\xff\xff\xffa.'), 'ends in the middle'],
  ['text of 2^64 - 1 bytes', pickle('\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.'), 'ends in the middle'],
  ['text that is no UTF-8', pickle('\x8c\x01\xff.'), 'not UTF-8'],
  ['a long integer cut short', pickle('\x8a\xff\x01.'), 'ends in the middle'],
  ['a storage that is no tuple', pickle('NQ.'), 'no storage'],
  [
    'a storage of an unknown class',
    pickle('(', text('storage'), 'ccollections\nOrderedDict\n', text('0'), text('cpu'), 'K\x06tQ.'),
    'no storage',
  ],
  ['a storage of negative size', pickle(...storage.slice(0, -1), 'J\xff\xff\xff\xfftQ.'), 'no storage'],
  [
    'a storage of 2^64 elements',
    pickle(...storage.slice(0, -1), '\x8a\x09\0\0\0\0\0\0\0\0\x01tQ.'),
    'no storage',
  ],
  ['a tensor without storage', pickle(rebuild, '(NK\x00))\x89)tR.'), 'do not suit'],
  ['a negative offset', pickle(rebuild, '(', ...storage, 'J\xff\xff\xff\xff))\x89)tR.'), 'do not suit'],
  [
    'a negative extent',
    pickle(rebuild, '(', ...storage, 'K\x00J\xff\xff\xff\xff\x85K\x01\x85\x89)tR.'),
    'do not suit',
  ],
  [
    'a negative stride',
    pickle(rebuild, '(', ...storage, 'K\x00K\x01\x85J\xff\xff\xff\xff\x85\x89)tR.'),
    'do not suit',
  ],
  [
    'a fractional extent',
    pickle(rebuild, '(', ...storage, 'K\x00G', float64(0.5), '\x85K\x01\x85\x89)tR.'),
    'do not suit',
  ],
  [
    'too few strides',
    pickle(rebuild, '(', ...storage, 'K\x00K\x01K\x01\x86K\x01\x85\x89)tR.'),
    'do not suit',
  ],
  [
    '65 axes',
    pickle(rebuild, '(', ...storage, 'K\x00(', 'K\x01'.repeat(65), 't(', 'K\x01'.repeat(65), 't\x89)tR.'),
    'do not suit',
  ],
  ['a parameter that is no tensor', pickle('ctorch._utils\n_rebuild_parameter\nN\x85R.'), 'do not suit'],
  ['deep nesting of marks', pickle('('.repeat(1e6)), 'nested more than 1000 deep'],
  ['deep nesting of lists', pickle(']'.repeat(1e6)), 'more than 250000 lists'],
  ['many tuples', pickle(')', '\x85'.repeat(1e6)), 'more than 250000 lists'],
  ['many dictionaries', pickle(']', '}a'.repeat(1e6)), 'more than 250000 lists'],
  ['many pending values', pickle('N'.repeat(1.1e6)), 'more than 1000000 values are pending'],
  ['an integer beyond 2^53 as a key', pickle('}\x8a\x09\0\0\0\0\0\0\0\0\x01Ns.'), 'neither text nor number'],
  [
    'many items',
    pickle(']q\x00(', 'h\x00'.repeat(9e5), 'e(', 'h\x00'.repeat(9e5), 'e(', 'h\x00'.repeat(9e5), 'e.'),
    'more than 1000000 items',
  ],
  [
    'many items of dictionaries',
    pickle('}', `(${'NN'.repeat(4e5)}u`.repeat(3), '.'),
    'more than 1000000 items',
  ],
  ['many opcodes', pickle('N', 'q\x00'.repeat(4e6), '.'), 'more than 4000000 steps'],
  [
    'ordered dictionaries of one list again and again',
    pickle(...pairs(1000), 'q\x00', 'ccollections\nOrderedDict\nh\x00\x85R'.repeat(9000), 'N.'),
    'more than 1000000 items',
  ],
  [
    'ordered dictionaries made from each other',
    pickle(...pairs(50_000), 'q\x00(', 'ccollections\nOrderedDict\nh\x00\x85R'.repeat(1000), 't.'),
    'more than 1000000 items',
  ],
  [
    'sizes of one list again and again',
    pickle(']q\x00(', 'N'.repeat(1e5), 'e(', 'ctorch\nSize\nh\x00\x85R'.repeat(1000), 't.'),
    'more than 1000000 items',
  ],
  [
    'a storage that grows',
    pickle('(', ...storage, ...storage.slice(0, -1), 'K\x07tQt.'),
    'its storage "0" as 6 float32 elements and again as 7',
  ],
  [
    'a storage that shrinks',
    pickle('(', ...storage, ...storage.slice(0, -1), 'K\x02tQt.'),
    'its storage "0" as 6 float32 elements and again as 2',
  ],
  [
    'a storage of two dtypes',
    pickle(
      '(',
      ...storage,
      '(',
      text('storage'),
      'ctorch\nIntStorage\n',
      text('0'),
      text('cpu'),
      'K\x06tQt.',
    ),
    'again as 6 int32',
  ],
  ['many memorised values', pickle('N', '\x94'.repeat(1.1e6)), 'memorises more than 1000000 values'],
];

it.each(hostile)('refuses %s, running nothing', (_, bytes, problem) => {
  let error: unknown;
  try {
    parsePickle('p.pth', bytes);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as CheckpointError).message).toContain(problem);
  expect((error as CheckpointError).message).toContain('nothing was run');
});

it('does not expand values that refer to each other a thousandfold', () => {
  const levels = Array.from({ length: 100 }, (_, i) => [
    '(',
    `h${String.fromCharCode(i)}`.repeat(50),
    'tq',
    i + 1,
  ]);
  const start = performance.now();
  expect(parse(')q\x00', ...levels.flat(), '.')).toHaveLength(50);
  expect(performance.now() - start).toBeLessThan(1000);
});

it('lets a list hold itself', () => {
  const list = parse(']q\x00h\x00a.') as unknown[];
  expect(list[0]).toBe(list);
});

it('refuses a valid pickle cut at any byte', () => {
  const whole = pickle(...tensor, '.');
  for (let length = 0; length < whole.length; length++)
    expect(() => parsePickle('cut', whole.slice(0, length))).toThrow(CheckpointError);
});
