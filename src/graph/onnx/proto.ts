/** The part of onnx.proto that models need, written field by field. Field numbers are those of ONNX's IR, version 10. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Shape } from '../value.ts';

/** TensorProto.DataType */
const onnxType = { float32: 1, int8: 3, int64: 7, float16: 10, bfloat16: 16 } as const;
type OnnxTensorType = keyof typeof onnxType;

/** Operator sets: the version of ai.onnx that has Attention, and ONNX Runtime's own domains. */
const opsets = { '': 23, 'com.microsoft': 1, 'com.microsoft.nchwc': 1 };
const irVersion = 10;

const VARINT = 0;
const LENGTH = 2;
const FIXED32 = 5;

type Writer = (writer: BinaryWriter) => void;

function message(write: Writer): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}
function field(w: BinaryWriter, number: number, bytes: Uint8Array): void {
  w.tag(number, LENGTH).bytes(bytes);
}
function text(w: BinaryWriter, number: number, value: string): void {
  w.tag(number, LENGTH).string(value);
}
function integer(w: BinaryWriter, number: number, value: number): void {
  w.tag(number, VARINT).int64(value);
}

/** A message in pieces, put together once: a writer would copy the weights in it at every level, and as it grows. */
export type MessagePieces = readonly Uint8Array[];

/** A field that holds what the pieces make together. */
function fieldOf(number: number, pieces: MessagePieces): MessagePieces {
  const byteLength = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [message((w) => w.tag(number, LENGTH).uint32(byteLength)), ...pieces];
}

function joined(pieces: MessagePieces): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export type AttributeValue = number | string | readonly number[] | { readonly float: number };

/** AttributeProto; plain numbers are integers, `{ float }` is a float. */
function attribute(name: string, value: AttributeValue): Uint8Array {
  return message((w) => {
    text(w, 1, name);
    if (typeof value === 'number') {
      integer(w, 3, value);
      integer(w, 20, 2); // INT
    } else if (typeof value === 'string') {
      field(w, 4, new TextEncoder().encode(value));
      integer(w, 20, 3); // STRING
    } else if ('float' in value) {
      w.tag(2, FIXED32).float(value.float);
      integer(w, 20, 1); // FLOAT
    } else {
      for (const item of value) integer(w, 8, item);
      integer(w, 20, 7); // INTS
    }
  });
}

interface NodeSpec {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** NodeProto */
export function encodeNode({
  op,
  name,
  inputs,
  outputs,
  domain = '',
  attributes = {},
}: NodeSpec): Uint8Array {
  return message((w) => {
    for (const input of inputs) text(w, 1, input);
    for (const output of outputs) text(w, 2, output);
    text(w, 3, name);
    text(w, 4, op);
    for (const [key, value] of Object.entries(attributes)) field(w, 5, attribute(key, value));
    if (domain) text(w, 7, domain);
  });
}

/** Where an initializer's bytes are: in the model, or in another file. */
type TensorBytes =
  | { readonly bytes: Uint8Array }
  | { readonly location: string; readonly offset: number; readonly byteLength: number };

/** TensorProto */
export function encodeTensor(
  name: string,
  type: OnnxTensorType,
  shape: Shape,
  data: TensorBytes,
): MessagePieces {
  const head = message((w) => {
    for (const extent of shape) integer(w, 1, extent);
    integer(w, 2, onnxType[type]);
    text(w, 8, name);
    if ('bytes' in data) return;
    const entries = { location: data.location, offset: `${data.offset}`, length: `${data.byteLength}` };
    for (const [key, value] of Object.entries(entries))
      field(
        w,
        13,
        message((entry) => {
          text(entry, 1, key);
          text(entry, 2, value);
        }),
      );
    integer(w, 14, 1); // EXTERNAL
  });
  return 'bytes' in data ? [head, ...fieldOf(9, [data.bytes])] : [head];
}

/** ValueInfoProto of a float32 tensor; of a negative extent nothing is said. */
function valueInfo(name: string, shape: Shape): Uint8Array {
  const dimensions = message((w) => {
    for (const extent of shape)
      field(
        w,
        1,
        message((dimension) => {
          if (extent >= 0) integer(dimension, 1, extent);
        }),
      );
  });
  const tensorType = message((w) => {
    integer(w, 1, onnxType.float32);
    field(w, 2, dimensions);
  });
  return message((w) => {
    text(w, 1, name);
    field(
      w,
      2,
      message((type) => field(type, 1, tensorType)),
    );
  });
}

interface GraphSpec {
  readonly name: string;
  readonly nodes: readonly Uint8Array[];
  readonly initializers: readonly MessagePieces[];
  readonly inputs: ReadonlyMap<string, Shape>;
  readonly outputs: ReadonlyMap<string, Shape>;
  /** Of the nodes' operators; ONNX's own is ''. */
  readonly domains: ReadonlySet<string>;
}

/** ModelProto */
export function encodeModel(graph: GraphSpec): Uint8Array {
  const nodes = message((w) => {
    for (const node of graph.nodes) field(w, 1, node);
    text(w, 2, graph.name);
  });
  const ends = message((w) => {
    for (const [name, shape] of graph.inputs) field(w, 11, valueInfo(name, shape));
    for (const [name, shape] of graph.outputs) field(w, 12, valueInfo(name, shape));
  });
  const initializers = graph.initializers.flatMap((initializer) => fieldOf(5, initializer));
  const head = message((w) => {
    integer(w, 1, irVersion);
    text(w, 2, 'interlcm');
  });
  const imports = message((w) => {
    for (const [domain, version] of Object.entries(opsets))
      if (graph.domains.has(domain) || domain === '')
        field(
          w,
          8,
          message((opset) => {
            text(opset, 1, domain);
            integer(opset, 2, version);
          }),
        );
  });
  return joined([head, ...fieldOf(7, [nodes, ...initializers, ends]), imports]);
}
