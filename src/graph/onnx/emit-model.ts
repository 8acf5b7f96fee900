/** From a graph to an ONNX model: names, leaves, and the emission rules in order. */
import { elementCount, formatShape } from '../../tensor/host-tensor.ts';
import { inputsOf, topologicalOrder } from '../graph.ts';
import { isOp, type OpType, type Shape, type Value } from '../value.ts';
import { type EmitRule, emitRules } from './emit-rules.ts';
import type { Emitter } from './emitter.ts';
import { requireAnySize, withOpenSides } from './open-sides.ts';
import { type AttributeValue, encodeModel, encodeNode, encodeTensor, type MessagePieces } from './proto.ts';

/** Where a parameter's values come from when the model runs. */
export type ParameterBinding =
  /** In a file, read in place. `location` is relative to the folder the runtime is told. */
  | {
      readonly kind: 'external';
      readonly location: string;
      readonly offset: number;
      readonly byteLength: number;
      readonly dtype: 'float32' | 'float16' | 'bfloat16' | 'int8';
      /** Where in the file the factors of rows along the first axis are, in float32; of int8. */
      readonly rowScales?: { readonly offset: number; readonly byteLength: number } | undefined;
    }
  /** Copied into the model. */
  | { readonly kind: 'inline'; readonly data: Float32Array }
  /** Fed at every run, under the parameter's name. */
  | { readonly kind: 'input' };

export type BindParameter = (name: string, shape: Shape) => ParameterBinding;

/** The binding of graphs that have no parameters, only inputs. */
export function noParameters(name: string): never {
  throw new TypeError(`The graph has no parameter ${name}`);
}

/** An ONNX model and what a runtime must know to run it. */
export interface OnnxModel {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** {@link openExtent} stands for an extent that each run chooses. */
  readonly inputs: ReadonlyMap<string, Shape>;
  readonly outputs: ReadonlyMap<string, Shape>;
  /** Files that hold its parameters. */
  readonly locations: ReadonlySet<string>;
  /** Types of inputs and outputs that are not float32: of models from elsewhere. */
  readonly types?: ReadonlyMap<string, OnnxType>;
  /** Folder that its parameters' files are named relative to; the runtime's own unless given. */
  readonly folder?: string;
}

/** What inputs and outputs may be; tensors in memory are float32, and are converted on the way. */
export type OnnxType = 'float32' | 'float64' | 'float16' | 'uint8' | 'int32' | 'int64';

export interface EmitOptions {
  /** Whether the model takes images of any height and width, not only of those it was built for. */
  readonly openSides?: boolean;
  /** As {@link Emitter.convolutionBlock}. */
  readonly convolutionBlock?: number | undefined;
}

/**
 * Emits the graph of `outputs`.
 * @param name shown in errors, profiles and Netron
 * @param bind tells where each parameter's values are
 * @throws {TypeError} if sides are to be open and the graph depends on them
 */
export function emitModel(
  name: string,
  outputs: Readonly<Record<string, Value>>,
  bind: BindParameter,
  { openSides = false, convolutionBlock }: EmitOptions = {},
): OnnxModel {
  const values = Object.values(outputs);
  if (openSides) requireAnySize(values);
  const shapeOf = ({ shape }: Value): Shape => (openSides ? withOpenSides(shape) : shape);
  const emission = new Emission(bind, convolutionBlock);
  for (const [inputName, value] of inputsOf(values)) emission.addInput(inputName, shapeOf(value));
  const outputShapes = new Map<string, Shape>();
  for (const [outputName, value] of Object.entries(outputs)) {
    emission.addOutput(outputName, emission.nameOf(value));
    outputShapes.set(outputName, shapeOf(value));
  }
  const { nodes, initializers, inputs, locations, domains } = emission;
  const bytes = encodeModel({ name, nodes, initializers, inputs, outputs: outputShapes, domains });
  return { name, bytes, inputs, outputs: outputShapes, locations };
}

class Emission implements Emitter {
  readonly nodes: Uint8Array[] = [];
  readonly initializers: MessagePieces[] = [];
  readonly inputs = new Map<string, Shape>();
  readonly locations = new Set<string>();
  readonly domains = new Set<string>();
  readonly convolutionBlock: number | undefined;
  readonly #names = new Map<Value, string>();
  readonly #constants = new Map<string, string>();
  readonly #bind: BindParameter;
  /** Prefix of the names of what is being emitted: the parameter it belongs to, or the operation. */
  #scope = '';

  constructor(bind: BindParameter, convolutionBlock: number | undefined) {
    this.#bind = bind;
    this.convolutionBlock = convolutionBlock;
  }

  addInput(name: string, shape: Shape): void {
    this.inputs.set(name, shape);
  }

  addOutput(name: string, source: string): void {
    this.nodes.push(
      encodeNode({ op: 'Identity', name: `output/${name}`, inputs: [source], outputs: [name] }),
    );
  }

  /** Emits whatever `value` still needs, and returns its name. */
  nameOf(value: Value): string {
    for (const step of topologicalOrder([value]))
      if (!this.#names.has(step)) this.#names.set(step, this.#emit(step));
    return this.#names.get(value)!;
  }

  #emit(value: Value): string {
    if (isOp(value, 'Input')) return value.attributes.name;
    if (isOp(value, 'Parameter')) return this.#parameter(value.attributes.name, value.shape);
    if (isOp(value, 'Constant')) return this.floats(value.shape, value.attributes.data);
    const rule = emitRules[value.op] as EmitRule<OpType>;
    if ('expand' in rule) return this.nameOf(rule.expand(value));
    this.#scope = scopeOf(value);
    return rule.emit(
      this,
      value.inputs.map((input) => this.#names.get(input)!),
      value,
    );
  }

  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): string {
    this.domains.add(domain);
    const output = `${this.#scope}${op}_${this.nodes.length}`;
    this.nodes.push(encodeNode({ op, name: output, inputs, outputs: [output], attributes, domain }));
    return output;
  }

  integers(values: readonly number[]): string {
    return this.#constant(`int64 ${values.join(' ')}`, (name) =>
      encodeTensor(name, 'int64', [values.length], {
        bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
      }),
    );
  }

  floats(shape: Shape, values: Float32Array): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    // Equal small constants share one initializer; large ones are few and not worth comparing.
    const key =
      values.length <= 64 ? `float32 ${shape} ${values.join(' ')}` : `float32 #${this.#constants.size}`;
    return this.#constant(key, (name) => encodeTensor(name, 'float32', shape, { bytes }));
  }

  #constant(key: string, encode: (name: string) => MessagePieces): string {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = `constant_${this.#constants.size}`;
    this.#constants.set(key, name);
    this.initializers.push(encode(name));
    return name;
  }

  #parameter(name: string, shape: Shape): string {
    const binding = this.#bind(name, shape);
    if (binding.kind === 'input') {
      this.addInput(name, shape);
      return name;
    }
    if (binding.kind === 'inline') {
      if (binding.data.length !== elementCount(shape))
        throw new RangeError(
          `Cannot bind ${name} ${formatShape(shape)} to ${binding.data.length} values: counts differ`,
        );
      const { buffer, byteOffset, byteLength } = binding.data;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      this.initializers.push(encodeTensor(name, 'float32', shape, { bytes }));
      return name;
    }
    this.locations.add(binding.location);
    this.initializers.push(encodeTensor(name, binding.dtype, shape, binding));
    if (binding.dtype === 'float32') return name;
    this.#scope = `${name}/`;
    const values = this.node('Cast', [name], { to: 1 });
    const { rowScales, location } = binding;
    if (!rowScales) return values;
    const scales = `${name}/scales`;
    const scaleShape = shape.map((extent, axis) => (axis === 0 ? extent : 1));
    this.initializers.push(encodeTensor(scales, 'float32', scaleShape, { location, ...rowScales }));
    return this.node('Mul', [values, scales]);
  }
}

/** `unet/mid_block.resnets.0.conv1/` for an operation with that parameter's weight, else nothing. */
function scopeOf(value: Value): string {
  const weight = value.inputs.find((input) => isOp(input, 'Parameter'));
  if (!weight || !isOp(weight, 'Parameter')) return '';
  const { name } = weight.attributes;
  return `${name.slice(0, name.lastIndexOf('.'))}/`;
}
