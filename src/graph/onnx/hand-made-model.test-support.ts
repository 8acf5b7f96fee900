/** ONNX files as others write them: any operator set, type, layout, graphs within graphs, data in other files. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { OnnxType } from './emit-model.ts';
import { type AttributeValue, encodeNode } from './proto.ts';

const typeNumbers: Readonly<Record<OnnxType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  float16: 10,
  float64: 11,
};

const message = (write: (w: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
};
const bytes = (w: BinaryWriter, number: number, value: Uint8Array): void =>
  void w.tag(number, 2).bytes(value);
const text = (w: BinaryWriter, number: number, value: string): void => void w.tag(number, 2).string(value);
const integer = (w: BinaryWriter, number: number, value: number): void => void w.tag(number, 0).int64(value);

export interface HandMadePort {
  readonly name: string;
  readonly type?: OnnxType;
  /** A word stands for an extent that each run chooses. */
  readonly shape: readonly (number | string)[];
}

function port({ name, type = 'float32', shape }: HandMadePort): Uint8Array {
  const dimensions = message((w) => {
    for (const extent of shape)
      bytes(
        w,
        1,
        message((d) => (typeof extent === 'number' ? integer(d, 1, extent) : text(d, 2, extent))),
      );
  });
  const tensor = message((w) => {
    integer(w, 1, typeNumbers[type]);
    bytes(w, 2, dimensions);
  });
  return message((w) => {
    text(w, 1, name);
    bytes(
      w,
      2,
      message((t) => bytes(t, 1, tensor)),
    );
  });
}

export interface HandMadeTensor {
  readonly name: string;
  readonly type?: OnnxType;
  readonly dims: readonly number[];
  readonly data?: ArrayBufferView;
  readonly external?: Readonly<Record<string, string>>;
  /** Dims as a packed field, as most writers have them. */
  readonly packed?: boolean;
}

export function handMadeTensor({
  name,
  type = 'float32',
  dims,
  data,
  external,
  packed,
}: HandMadeTensor): Uint8Array {
  return message((w) => {
    if (packed)
      bytes(
        w,
        1,
        message((d) => {
          for (const extent of dims) d.int64(extent);
        }),
      );
    else for (const extent of dims) integer(w, 1, extent);
    integer(w, 2, typeNumbers[type]);
    text(w, 8, name);
    if (data) bytes(w, 9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    for (const [key, value] of Object.entries(external ?? {}))
      bytes(
        w,
        13,
        message((entry) => {
          text(entry, 1, key);
          text(entry, 2, value);
        }),
      );
    if (external) integer(w, 14, 1);
  });
}

export interface HandMadeNode {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Inner graphs by attribute. */
  readonly graphs?: Readonly<Record<string, Uint8Array>>;
}

function node({ op, inputs = [], outputs, domain, attributes, graphs = {} }: HandMadeNode): Uint8Array {
  const plain = encodeNode({
    op,
    name: `${op} of ${outputs[0]}`,
    inputs,
    outputs,
    ...(domain !== undefined && { domain }),
    ...(attributes && { attributes }),
  });
  const inner = message((w) => {
    for (const [name, graph] of Object.entries(graphs))
      bytes(
        w,
        5,
        message((a) => {
          text(a, 1, name);
          bytes(a, 6, graph);
          integer(a, 20, 5); // GRAPH
        }),
      );
  });
  return Uint8Array.of(...plain, ...inner);
}

export interface HandMadeGraph {
  readonly nodes: readonly HandMadeNode[];
  readonly inputs?: readonly HandMadePort[];
  readonly outputs?: readonly HandMadePort[];
  readonly tensors?: readonly HandMadeTensor[];
  readonly declared?: readonly HandMadePort[];
}

export function handMadeGraph({
  nodes,
  inputs = [],
  outputs = [],
  tensors = [],
  declared = [],
}: HandMadeGraph): Uint8Array {
  return message((w) => {
    for (const one of nodes) bytes(w, 1, node(one));
    text(w, 2, 'graph');
    for (const one of tensors) bytes(w, 5, handMadeTensor(one));
    for (const one of inputs) bytes(w, 11, port(one));
    for (const one of outputs) bytes(w, 12, port(one));
    for (const one of declared) bytes(w, 13, port(one));
  });
}

/** @param opset version of ai.onnx; the IR's version follows it roughly, as files of its time have it */
export function handMadeModel(graph: HandMadeGraph, opset = 11): Uint8Array {
  return message((w) => {
    integer(w, 1, opset < 11 ? 4 : opset < 15 ? 7 : 8);
    text(w, 2, 'pytorch');
    bytes(w, 7, handMadeGraph(graph));
    bytes(
      w,
      8,
      message((set) => {
        text(set, 1, '');
        integer(set, 2, opset);
      }),
    );
  });
}
