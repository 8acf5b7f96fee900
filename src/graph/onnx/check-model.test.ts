import { describe, expect, it } from 'vitest';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { add, input, mul } from '../ops.ts';
import { checkModel } from './check-model.ts';
import { emitModel } from './emit-model.ts';
import { type HandMadeGraph, handMadeGraph, handMadeModel } from './hand-made-model.test-support.ts';
import { readModel } from './read-model.ts';

const picture = { name: 'x', shape: [1, 3, 64, 64] };
const relu = { op: 'Relu', inputs: ['x'], outputs: ['y'] };
const plain: HandMadeGraph = { nodes: [relu], inputs: [picture], outputs: [{ ...picture, name: 'y' }] };
const check = (graph: Partial<HandMadeGraph>) => checkModel(readModel(handMadeModel({ ...plain, ...graph })));

describe('reading an ONNX file', () => {
  it('finds what our own emitter writes', () => {
    const weight = parameterScope('net').get('weight', [3]);
    const y = add(mul(input('x', [2, 3]), weight), 1);
    const bind = {
      kind: 'external',
      location: 'weights.bin',
      offset: 8,
      byteLength: 12,
      dtype: 'float32',
    } as const;
    const contents = readModel(emitModel('net', { y }, () => bind).bytes);
    expect(contents.inputs).toEqual([{ name: 'x', type: 1, shape: [2, 3] }]);
    expect(contents.outputs).toEqual([{ name: 'y', type: 1, shape: [2, 3] }]);
    expect(contents.nodes.map(({ op }) => op)).toEqual(['Mul', 'Add', 'Identity']);
    expect(checkModel(contents)).toEqual([
      { tensor: 'net/weight', location: 'weights.bin', offset: 8, length: 12 },
    ]);
  });

  it('tells what is fed from what is stored, and open extents from known ones', () => {
    const { inputs, outputs, tensors } = readModel(
      handMadeModel({
        nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
        inputs: [
          { name: 'x', type: 'float16', shape: ['batch', 3, 0, 'width'] },
          { name: 'w', shape: [1] },
        ],
        outputs: [{ name: 'y', shape: [] }],
        tensors: [{ name: 'w', dims: [1], data: Float32Array.of(2), packed: true }],
      }),
    );
    expect(inputs).toEqual([{ name: 'x', type: 10, shape: [undefined, 3, undefined, undefined] }]);
    expect(outputs).toEqual([{ name: 'y', type: 1, shape: [] }]);
    expect(tensors).toEqual([{ name: 'w', type: 1, dims: [1] }]);
  });

  it('finds nodes in inner graphs', () => {
    const inner = handMadeGraph({ nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['z'] }] });
    const graphs = { then_branch: inner, else_branch: inner };
    const { nodes } = readModel(
      handMadeModel({ ...plain, nodes: [{ op: 'If', inputs: ['c'], outputs: ['y'], graphs }] }),
    );
    expect(nodes.map(({ op }) => op)).toEqual(['If', 'Neg', 'Neg']);
  });

  it('refuses what is no model, cut off anywhere', () => {
    const whole = handMadeModel(plain);
    expect(() => readModel(new Uint8Array())).toThrow('it has no graph');
    expect(() => readModel(new TextEncoder().encode('a note, no model'))).toThrow(SyntaxError);
    for (let length = 1; length < whole.length; length++)
      try {
        readModel(whole.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
  });

  it('refuses graphs within graphs without end', () => {
    let graph = handMadeGraph({ nodes: [relu] });
    for (let depth = 0; depth < 12; depth++)
      graph = handMadeGraph({
        nodes: [{ op: 'If', inputs: ['c'], outputs: ['y'], graphs: { then_branch: graph } }],
      });
    const nodes = [{ op: 'If', inputs: ['c'], outputs: ['y'], graphs: { then_branch: graph } }];
    expect(() => readModel(handMadeModel({ ...plain, nodes }))).toThrow('graphs within each other');
  });
});

describe('checking an ONNX file', () => {
  const shape = (values: readonly bigint[]) => ({
    name: 'shape',
    type: 'int64' as const,
    dims: [values.length],
    data: BigInt64Array.from(values),
  });
  const external = (entries: Record<string, string>) => ({
    tensors: [{ name: 'w', dims: [4], external: entries }],
  });

  it('passes what networks need', () => {
    expect(check({})).toEqual([]);
    expect(
      check({
        nodes: [{ op: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }],
        tensors: [shape([1n, 3n, 512n, 512n])],
      }),
    ).toEqual([]);
    expect(check(external({ location: 'data/w.bin', offset: '4096', length: '16' }))).toEqual([
      { tensor: 'w', location: 'data/w.bin', offset: 4096, length: 16 },
    ]);
  });

  it.each<[what: string, graph: Partial<HandMadeGraph>, message: string]>([
    [
      'an operation of another library',
      { nodes: [relu, { op: 'Evil', domain: 'my.ops', inputs: ['x'], outputs: ['z'] }] },
      'node "Evil of z" (Evil) is of "my.ops": operations of other libraries are not loaded',
    ],
    [
      'one in an inner graph',
      {
        nodes: [
          {
            op: 'If',
            inputs: ['c'],
            outputs: ['y'],
            graphs: { then_branch: handMadeGraph({ nodes: [{ op: 'A', domain: 'b', outputs: ['z'] }] }) },
          },
        ],
      },
      'node "A of z" (A) is of "b"',
    ],
    ['a loop', { nodes: [{ op: 'Loop', outputs: ['y'] }] }, 'node "Loop of y" (Loop) may run without end'],
    [
      'a tensor made too large',
      {
        nodes: [{ op: 'ConstantOfShape', inputs: ['shape'], outputs: ['y'] }],
        tensors: [shape([70000n, 70000n])],
      },
      'node "ConstantOfShape of y" (ConstantOfShape) would make over 268435456 values',
    ],
    [
      'one made so by an attribute',
      { nodes: [{ op: 'RandomNormal', outputs: ['y'], attributes: { shape: [70_000, 70_000] } }] },
      'node "RandomNormal of y" (RandomNormal) would make over',
    ],
    [
      'repetition without end',
      {
        nodes: [{ op: 'Tile', inputs: ['x', 'shape'], outputs: ['y'] }],
        tensors: [shape([1n, 1n, 1000n, 1000n])],
      },
      'node "Tile of y" (Tile) would make over',
    ],
    [
      'a value declared too large',
      { declared: [{ name: 'z', shape: [1 << 20, 1 << 20] }] },
      '"z" is declared with',
    ],
    ['weights too large', { tensors: [{ name: 'w', dims: [1 << 20, 1 << 20] }] }, 'its weights are over'],
    ['a shape that is none', { tensors: [{ name: 'w', dims: [-1] }] }, 'tensor "w" has the shape [-1]'],
    [
      'data above the folder',
      external({ location: '../w.bin' }),
      'tensor "w" lies in "../w.bin": only files beside',
    ],
    ['data anywhere', external({ location: '/etc/passwd' }), 'tensor "w" lies in "/etc/passwd"'],
    ['data on another drive', external({ location: 'C:\\w.bin' }), 'tensor "w" lies in "C:'],
    ['data above by the other slash', external({ location: 'a\\..\\..\\w.bin' }), 'tensor "w" lies in'],
    ['data nowhere', external({}), 'tensor "w" lies in ""'],
    [
      'data of another length',
      external({ location: 'w.bin', length: '17' }),
      'has 17 bytes in "w.bin"; its shape needs 16',
    ],
    [
      'an offset that is none',
      external({ location: 'w.bin', offset: '-8' }),
      'tensor "w" has the offset "-8"',
    ],
  ])('refuses %s', (_, graph, message) => {
    expect(() => check(graph)).toThrow(message);
  });
});
