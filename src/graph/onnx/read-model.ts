/** What an ONNX file from elsewhere holds, as far as it must be known before it is run. Fields as in onnx.proto. */
import { fileLimits } from '../../tensor/file-limits.ts';
import { fieldsOf, integersOf, textOf } from './wire.ts';

/** A stored tensor. */
export interface StoredOnnxTensor {
  readonly name: string;
  /** TensorProto.DataType */
  readonly type: number;
  readonly dims: readonly number[];
  /** Where its bytes are, if not in the model. */
  readonly external?: ReadonlyMap<string, string>;
  /** Whole numbers, of tensors of a few that may be shapes. */
  readonly integers?: readonly number[];
}

/** An input or output, or a value between. */
export interface OnnxPort {
  readonly name: string;
  /** TensorProto.DataType; undefined if it is no tensor. */
  readonly type: number | undefined;
  /** Of an extent that each run chooses undefined; undefined as a whole if nothing is said. */
  readonly shape: readonly (number | undefined)[] | undefined;
}

export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of its attributes the lists of whole numbers. */
  readonly integers: ReadonlyMap<string, readonly number[]>;
}

export interface OnnxContents {
  /** All nodes, those of inner graphs and functions included. */
  readonly nodes: readonly OnnxNode[];
  /** All stored tensors, wherever they are. */
  readonly tensors: readonly StoredOnnxTensor[];
  /** What is fed, without inputs that have a stored value. */
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Values whose shape the file declares. */
  readonly declared: readonly OnnxPort[];
  /** `domain:name` of the functions that the file defines. */
  readonly functions: ReadonlySet<string>;
}

/** @throws {SyntaxError} if it is no ONNX model, or beyond the limits */
export function readModel(bytes: Uint8Array): OnnxContents {
  const reading = new Reading();
  try {
    let hasGraph = false;
    for (const { number, bytes: inner } of fieldsOf(bytes)) {
      if (number === 7 && inner) {
        if (hasGraph) throw new SyntaxError('it has two graphs');
        hasGraph = true;
        reading.graph(inner, 0);
      } else if (number === 25 && inner) reading.function(inner);
    }
    if (!hasGraph) throw new SyntaxError('it has no graph');
  } catch (cause) {
    if (cause instanceof SyntaxError) throw cause;
    throw new SyntaxError(`it is no ONNX model: ${(cause as Error).message}`, { cause });
  }
  return reading;
}

class Reading implements OnnxContents {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: StoredOnnxTensor[] = [];
  readonly declared: OnnxPort[] = [];
  readonly functions = new Set<string>();
  inputs: OnnxPort[] = [];
  outputs: OnnxPort[] = [];

  graph(message: Uint8Array, depth: number): void {
    if (depth > fileLimits.onnx.depth)
      throw new SyntaxError(`it has over ${depth - 1} graphs within each other`);
    const inputs: OnnxPort[] = [];
    const stored = new Set<string>();
    for (const { number, bytes } of fieldsOf(message)) {
      if (!bytes) continue;
      if (number === 1) this.#node(bytes, depth);
      else if (number === 5) stored.add(this.#tensor(bytes).name);
      else if (number === 15) this.#sparse(bytes, stored);
      else if (number === 11) inputs.push(portOf(bytes));
      else if (number === 12) {
        const port = portOf(bytes);
        this.declared.push(port);
        if (depth === 0) this.outputs.push(port);
      } else if (number === 13) this.declared.push(portOf(bytes));
    }
    this.declared.push(...inputs);
    if (depth === 0) this.inputs = inputs.filter(({ name }) => !stored.has(name));
  }

  function(message: Uint8Array): void {
    let [name, domain] = ['', ''];
    for (const { number, bytes } of fieldsOf(message)) {
      if (!bytes) continue;
      if (number === 1) name = textOf(bytes);
      else if (number === 10) domain = textOf(bytes);
      else if (number === 7) this.#node(bytes, 1);
    }
    this.functions.add(`${domain}:${name}`);
  }

  #node(message: Uint8Array, depth: number): void {
    if (this.nodes.length >= fileLimits.onnx.nodes)
      throw new SyntaxError(`it has over ${fileLimits.onnx.nodes} nodes`);
    const texts = { op: '', domain: '', name: '' };
    const [inputs, outputs]: [string[], string[]] = [[], []];
    const integers = new Map<string, number[]>();
    const attributes: Uint8Array[] = [];
    for (const { number, bytes } of fieldsOf(message)) {
      if (!bytes) continue;
      if (number === 1) inputs.push(textOf(bytes));
      else if (number === 2) outputs.push(textOf(bytes));
      else if (number === 3) texts.name = textOf(bytes);
      else if (number === 4) texts.op = textOf(bytes);
      else if (number === 7) texts.domain = textOf(bytes);
      else if (number === 5) attributes.push(bytes);
    }
    this.nodes.push({ ...texts, inputs, outputs, integers });
    for (const attribute of attributes) this.#attribute(attribute, { integers, outputs, depth });
  }

  #attribute(
    message: Uint8Array,
    node: {
      readonly integers: Map<string, number[]>;
      readonly outputs: readonly string[];
      readonly depth: number;
    },
  ): void {
    let name = '';
    const integers: number[] = [];
    for (const field of fieldsOf(message)) {
      const { number, bytes } = field;
      if (number === 8) integers.push(...integersOf(field).map(Number));
      else if (!bytes) continue;
      else if (number === 1) name = textOf(bytes);
      // A constant's value is known by the name of what it gives.
      else if (number === 5 || number === 10) this.#tensor(bytes, node.outputs[0]);
      else if (number === 6 || number === 11) this.graph(bytes, node.depth + 1);
      else if (number === 22 || number === 23) this.#sparse(bytes, new Set());
    }
    if (integers.length > 0) node.integers.set(name, integers);
  }

  #sparse(message: Uint8Array, names: Set<string>): void {
    for (const { number, bytes } of fieldsOf(message))
      if (bytes && (number === 1 || number === 2)) names.add(this.#tensor(bytes).name);
  }

  #tensor(message: Uint8Array, as?: string): StoredOnnxTensor {
    let [name, type] = [as ?? '', 0];
    const dims: number[] = [];
    const external = new Map<string, string>();
    const stored: bigint[] = [];
    let raw: Uint8Array | undefined;
    let isExternal = false;
    for (const field of fieldsOf(message)) {
      const { number, bytes, integer } = field;
      if (number === 1) dims.push(...integersOf(field).map(Number));
      else if (number === 2) type = Number(integer);
      else if (number === 7 && dims.length <= 1 && (dims[0] ?? 1) <= fileLimits.rank)
        stored.push(...integersOf(field));
      else if (number === 14) isExternal = integer === 1n;
      else if (!bytes) continue;
      else if (number === 8) name = as ?? textOf(bytes);
      else if (number === 9) raw = bytes;
      else if (number === 13) addEntry(external, bytes);
    }
    const integers = type === int64 ? (shortIntegers(dims, raw) ?? stored.map(Number)) : undefined;
    const tensor = {
      name,
      type,
      dims,
      ...(isExternal && { external }),
      ...(integers && integers.length > 0 && { integers }),
    };
    this.tensors.push(tensor);
    return tensor;
  }
}

const int64 = 7;

/** The numbers of a tensor that is short enough to be a shape. */
function shortIntegers(dims: readonly number[], raw: Uint8Array | undefined): number[] | undefined {
  const count = dims[0] ?? 1;
  if (!raw || dims.length > 1 || count > fileLimits.rank || raw.length !== 8 * count) return undefined;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: count }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

function addEntry(entries: Map<string, string>, message: Uint8Array): void {
  let [key, value] = ['', ''];
  for (const { number, bytes } of fieldsOf(message))
    if (bytes && number === 1) key = textOf(bytes);
    else if (bytes && number === 2) value = textOf(bytes);
  entries.set(key, value);
}

/** ValueInfoProto */
function portOf(message: Uint8Array): OnnxPort {
  let name = '';
  let type: number | undefined;
  let shape: (number | undefined)[] | undefined;
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === 1 && bytes) name = textOf(bytes);
    if (number !== 2 || !bytes) continue;
    for (const { number: kind, bytes: tensor } of fieldsOf(bytes)) {
      if (kind !== 1 || !tensor) continue;
      for (const field of fieldsOf(tensor)) {
        if (field.number === 1) type = Number(field.integer);
        if (field.number === 2 && field.bytes)
          shape = [...fieldsOf(field.bytes)].map((dimension) => extentOf(dimension.bytes));
      }
    }
  }
  return { name, type, shape };
}

function extentOf(message: Uint8Array | undefined): number | undefined {
  // 0 and below stand for an extent that is not known.
  for (const { number, integer } of fieldsOf(message ?? new Uint8Array()))
    if (number === 1 && integer !== undefined && integer > 0n) return Number(integer);
  return undefined;
}
